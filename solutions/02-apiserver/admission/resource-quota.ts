/**
 * ResourceQuota: the last of the chain, since a charge that was taken for something that is then refused would be lost.
 *
 * Which quotas of the namespace count the object, whether the object has said what they need to know, and what it adds to
 * what is used. The counting is in `counting/quotas.ts`.
 *
 * Source: apiserver `pkg/admission/plugin/resourcequota`.
 */
import type { ApiObject, ResourceQuota, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import { type Amounts, negativeNames, onlyNamed } from '#kit/counting/amounts.ts'
import { isCountedAs, isInScopes, usageOf, whatMustBeSaid } from '#kit/counting/usage.ts'
import { addedBy, chargeAll, type QuotaShelf } from '../counting/quotas.ts'
import { forbidden, notFound } from '../errors.ts'
import type { OptionalSteps } from '../optional-steps.ts'
import { storageKey } from '../storage/keys.ts'
import type { KindCaches } from '../storage/kind-caches.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { AdmissionReview } from './chain.ts'

type Quota = Stored<ResourceQuota>

const QUOTAS = { storagePrefix: resources.resourceQuotas.plural }

export interface QuotaKeeper {
  /** Throws Forbidden when the write would use more than some quota allows. With `dryRun` it only looks. */
  charge(review: AdmissionReview, dryRun: boolean): Promise<void>
}

export interface QuotaKeeperOptions {
  readonly objects: ObjectStore
  readonly caches: KindCaches
  readonly clock: Clock
  readonly optional: OptionalSteps
}

export function createQuotaKeeper({ objects, caches, clock, optional }: QuotaKeeperOptions): QuotaKeeper {
  return {
    async charge(review, dryRun) {
      const { draft, namespace } = review
      if (!draft || !namespace || !isCounted(review)) return
      const quotas = quotasOf(namespace, caches).filter((quota) => counts(quota, review, draft))
      if (quotas.length === 0) return
      const shelf = dryRun ? lookOnly(shelfOf(namespace, objects)) : shelfOf(namespace, objects)
      const chargeThem = () => chargeEach(quotas, review, draft, shelf)
      await optional.run('quotas are not enforced', chargeThem, async () => {})
    },
  }

  async function chargeEach(quotas: readonly Quota[], review: AdmissionReview, draft: ApiObject, shelf: QuotaShelf) {
    const charges = chargesOf(quotas, review, draft, clock.now())
    for (const quota of quotas) checkKnown(quota, review, draft)
    for (const { quotas: charged, added } of charges) {
      const names = charged.filter((quota) => concerns(quota, added)).map(({ metadata }) => metadata.name)
      const why = await chargeAll(names, added, shelf)
      if (why) throw refused(review, why)
    }
  }
}

/** What to charge which quotas with: one that did not count the object before, with all of it. */
function chargesOf(quotas: readonly Quota[], review: AdmissionReview, draft: ApiObject, nowMs: number) {
  const { old, row } = review
  const usage = usageOf(row.resource, draft, nowMs)
  const negative = negativeNames(usage)
  if (negative.length > 0) {
    throw refused(review, `quota usage is negative for resource(s): ${negative.sort().join(',')}`)
  }
  const countedBefore = (quota: Quota) => old !== undefined && isInScopes(quota, row.resource, old)
  return [
    { quotas: quotas.filter(countedBefore), added: addedBy(usage, old && usageOf(row.resource, old, nowMs)) },
    { quotas: quotas.filter((quota) => !countedBefore(quota)), added: addedBy(usage) },
  ]
}

/** What is created, and what can come to use more: a Service, a claim, a pod that is resized. */
function isCounted({ operation, subresource, row: { resource } }: AdmissionReview): boolean {
  if (operation === 'CREATE') return subresource === ''
  const canGrow = subresource === 'resize' ? ['Pod'] : ['Service', 'PersistentVolumeClaim']
  const isMain = subresource === '' || subresource === 'resize'
  return operation === 'UPDATE' && isMain && resource.group === '' && canGrow.includes(resource.kind)
}

function quotasOf(namespace: string, caches: KindCaches): Quota[] {
  const all = caches.of(QUOTAS).cache.entries().values() as Iterable<unknown> as Iterable<Quota>
  return [...all].filter(({ metadata }) => metadata.namespace === namespace)
}

/** A quota limits something only once the controller has said so in its status. */
function counts(quota: Quota, { row }: AdmissionReview, draft: ApiObject): boolean {
  const names = Object.keys(quota.status?.hard ?? {})
  return names.some((name) => isCountedAs(row.resource, name)) && isInScopes(quota, row.resource, draft)
}

function checkKnown({ metadata, status }: Quota, review: AdmissionReview, draft: ApiObject): void {
  const { resource } = review.row
  const names = Object.keys(status?.hard ?? {}).filter((name) => isCountedAs(resource, name))
  const missing = review.operation === 'CREATE' ? whatMustBeSaid(resource, draft, names) : undefined
  if (missing) throw refused(review, `failed quota: ${metadata.name}: ${missing}`)
  const unknown = names.filter((name) => status?.used?.[name] === undefined)
  if (unknown.length > 0) {
    throw refused(review, `status unknown for quota: ${metadata.name}, resources: ${names.sort().join(',')}`)
  }
}

function concerns({ status }: Quota, added: Amounts): boolean {
  return Object.keys(onlyNamed(added, Object.keys(status?.hard ?? {}))).length > 0
}

function refused({ row, name }: AdmissionReview, why: string): Error {
  return forbidden(row.resource, name, why)
}

function shelfOf(namespace: string, objects: ObjectStore): QuotaShelf {
  const keyOf = (name: string) => storageKey(QUOTAS, namespace, name)
  const found = (name: string, quota: Stored<ApiObject> | undefined): Quota => {
    if (!quota) throw notFound(resources.resourceQuotas, name)
    return quota as Quota
  }
  return {
    read: async (name) => found(name, await objects.get(keyOf(name))),
    async update(name, decide) {
      await objects.guaranteedUpdate(keyOf(name), async (current) => ({
        put: decide(found(name, current)) as Stored<ApiObject>,
      }))
    },
  }
}

/** A dry run is told whether it would fit, and charges nothing. */
function lookOnly({ read }: QuotaShelf): QuotaShelf {
  return { read, update: async () => {} }
}
