/**
 * Delete one object or a collection.
 *
 * Source: apiserver `pkg/registry/generic/registry/store.go` (Delete, DeleteCollection), `pkg/endpoints/handlers/delete.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { DeleteOptions } from '#kit/contracts/api-client.ts'
import type { ApiRequest, FieldError, KindRow } from '#kit/contracts/apiserver.ts'
import { admit } from '../admission/chain.ts'
import { checkPreconditions, decideDeletion, deletionTraits } from '../deletion.ts'
import { badRequest, invalid, notFound } from '../errors.ts'
import { afterServiceRemoval, takesAddresses } from '../services/service-writes.ts'
import type { UpdateOutcome } from '../storage/object-store.ts'
import { goValue, invalidValue, notSupported } from '../validation/field-errors.ts'
import { type ApiContext, keyOf, present, type Target } from './context.ts'

export interface Deletion {
  readonly object: Stored<ApiObject>
  /** False: the object is still there, its deletion on record. */
  readonly removed: boolean
}

/** What to delete, and how, as far as the request says it. */
export interface DeletionOptions extends DeleteOptions {
  readonly dryRun: boolean
  /** Says with 202 that it takes time, to clients who ask in the old way (`orphanDependents: false`). */
  readonly saysAccepted?: boolean
}

/** As it is sent: `orphanDependents` is how one said Orphan and Background before there were three ways. */
interface SentOptions extends Omit<DeleteOptions, 'propagationPolicy'> {
  readonly propagationPolicy?: string
  readonly orphanDependents?: boolean
  readonly dryRun?: readonly string[]
}

const POLICIES = ['Foreground', 'Background', 'Orphan'] as const

/**
 * Options come in the body; without one, in the query. That it is a dry run is believed from either: who says so must not lose
 * anything.
 *
 * Source: apiserver `pkg/endpoints/handlers/delete.go`; apimachinery `pkg/apis/meta/v1/validation` (ValidateDeleteOptions).
 */
export function deleteOptionsOf({ body, query }: Pick<ApiRequest, 'body' | 'query'>): DeletionOptions {
  const sent = body === undefined ? optionsInQuery(query) : optionsInBody(body)
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions } = sent
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw badRequest(`gracePeriodSeconds: ${JSON.stringify(gracePeriodSeconds)} is not a number of seconds`)
  }
  const dryRun = [...(sent.dryRun ?? []), ...(query.dryRun ?? [])]
  const errors = problemsOf(sent, dryRun)
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors)
  const inOldWay = orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background'
  const policy = POLICIES.find((one) => one === (propagationPolicy ?? inOldWay))
  return {
    dryRun: dryRun.includes('All'),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(policy && { propagationPolicy: policy }),
    ...(preconditions && { preconditions }),
    ...(orphanDependents === false && { saysAccepted: true }),
  }
}

/** Who sends something else may mean something else: better to refuse than to delete. */
function optionsInBody(body: unknown): SentOptions {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  const { kind } = (isObject ? body : {}) as { kind?: unknown }
  if (!isObject || (kind !== undefined && kind !== 'DeleteOptions')) {
    throw badRequest('decoded object cannot be converted to DeleteOptions')
  }
  return body as SentOptions
}

function optionsInQuery(query: ApiRequest['query']): SentOptions {
  const [seconds] = query.gracePeriodSeconds ?? []
  const [propagationPolicy] = query.propagationPolicy ?? []
  const [orphanDependents] = query.orphanDependents ?? []
  return {
    ...(seconds && { gracePeriodSeconds: Number(seconds) }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(orphanDependents && { orphanDependents: orphanDependents === 'true' || orphanDependents === '1' }),
  }
}

function problemsOf({ propagationPolicy, orphanDependents }: SentOptions, dryRun: readonly string[]): FieldError[] {
  const field = 'propagationPolicy'
  const isUnknown = propagationPolicy !== undefined && !POLICIES.some((one) => one === propagationPolicy)
  const both = 'orphanDependents and deletionPropagation cannot be both set'
  const isOtherDryRun = dryRun.some((one) => one !== 'All')
  return [
    ...(propagationPolicy !== undefined && orphanDependents !== undefined
      ? [invalidValue(field, JSON.stringify(propagationPolicy), both)]
      : []),
    ...(isUnknown ? [notSupported(field, propagationPolicy, [...POLICIES, 'nil'])] : []),
    ...(isOtherDryRun ? [{ ...notSupported('dryRun', undefined, ['All']), message: dryRunText(dryRun) }] : []),
  ]
}

/** Go's way to show the whole list. */
function dryRunText(dryRun: readonly string[]): string {
  return `Unsupported value: ${goValue([...dryRun])}: supported values: "All"`
}

export async function deleteObject(context: ApiContext, target: Target, options: DeletionOptions): Promise<Deletion> {
  const { row, namespace, name } = target
  const key = keyOf(target)
  await admit({ operation: 'DELETE', row, subresource: '', namespace, name }, context.cluster)

  let removed = false
  const decide = async (current: Stored<ApiObject> | undefined): Promise<UpdateOutcome> => {
    if (!current) throw notFound(row.resource, name)
    checkPreconditions(options.preconditions ?? {}, current, row)
    const decision = decideDeletion(current, options, deletionTraits(row, current), context.clock.now())
    removed = decision.action === 'remove'
    if (decision.action === 'remove') return { remove: true }
    if (decision.action === 'wait') return { put: current }
    const draft = structuredClone(decision.object)
    row.markDeleting?.(draft)
    return { put: draft }
  }
  if (options.dryRun) {
    const current = await context.objects.get(key)
    const outcome = await decide(current)
    return { object: present(row, ('put' in outcome ? outcome.put : current) as Stored<ApiObject>), removed }
  }
  const cache = context.caches.of(row)
  const stored = await context.objects.guaranteedUpdate(key, decide, cache.cache.get(key))
  if (removed && takesAddresses(row)) await afterServiceRemoval(context, target, stored)
  return { object: present(row, stored), removed }
}

/** "Gone": a Status for most kinds, the object itself for some, and for all whose deletion takes time. */
export function deletionAnswer(row: KindRow, { object, removed }: Deletion): ApiObject {
  if (!removed || row.returnsDeletedObject) return object
  const { group, plural } = row.resource
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: object.metadata.name, ...(group && { group }), kind: plural, uid: object.metadata.uid },
  }
}
