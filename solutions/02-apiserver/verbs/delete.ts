/**
 * Delete one object or a collection.
 *
 * Source: apiserver `pkg/registry/generic/registry/store.go` (Delete, DeleteCollection), `pkg/endpoints/handlers/delete.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { DeleteOptions } from '#kit/contracts/api-client.ts'
import type { ApiRequest, KindRow } from '#kit/contracts/apiserver.ts'
import { admit } from '../admission/chain.ts'
import { checkPreconditions, decideDeletion, deletionTraits } from '../deletion.ts'
import { badRequest, notFound } from '../errors.ts'
import { storageKey } from '../storage/keys.ts'
import type { UpdateOutcome } from '../storage/object-store.ts'
import { type ApiContext, keyOf, present, type Target } from './context.ts'

export interface Deletion {
  readonly object: Stored<ApiObject>
  /** False: the object is still there, its deletion on record. */
  readonly removed: boolean
}

/** Options come in the body, or one by one in the query; the body wins. */
export function deleteOptionsOf({
  body,
  query,
}: Pick<ApiRequest, 'body' | 'query'>): DeleteOptions & { dryRun: boolean } {
  const sent = (typeof body === 'object' && body !== null ? body : {}) as DeleteOptions & {
    dryRun?: readonly string[]
    orphanDependents?: boolean
  }
  const seconds = sent.gracePeriodSeconds ?? query.gracePeriodSeconds?.[0]
  const gracePeriodSeconds = seconds === undefined ? undefined : Number(seconds)
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw badRequest(`gracePeriodSeconds: "${seconds}" is not a number of seconds`)
  }
  const policy =
    sent.propagationPolicy ?? query.propagationPolicy?.[0] ?? (sent.orphanDependents ? 'Orphan' : undefined)
  if (policy !== undefined && policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
    throw badRequest(`propagationPolicy: "${policy}" is none of Background, Foreground, Orphan`)
  }
  return {
    dryRun: (sent.dryRun ?? query.dryRun ?? []).includes('All'),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(policy && { propagationPolicy: policy }),
    ...(sent.preconditions && { preconditions: sent.preconditions }),
  }
}

export async function deleteObject(
  context: ApiContext,
  target: Target,
  options: DeleteOptions & { readonly dryRun: boolean },
): Promise<Deletion> {
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
    await decide(current)
    return { object: present(row, current as Stored<ApiObject>), removed }
  }
  const cache = context.caches.of(row)
  const stored = await context.objects.guaranteedUpdate(key, decide, cache.cache.get(key))
  if (removed && row.resource.kind === 'Service') await afterServiceRemoval(context, target, stored)
  return { object: present(row, stored), removed }
}

/**
 * Its addresses are free again, and its Endpoints go at once: a new Service of that name must not find the old one's.
 *
 * Source: kubernetes `pkg/registry/core/service/storage/storage.go` (afterDelete).
 */
async function afterServiceRemoval(
  context: ApiContext,
  { namespace, name }: Target,
  service: Stored<ApiObject>,
): Promise<void> {
  await context.addresses.release(service)
  const key = storageKey({ storagePrefix: 'services/endpoints' }, namespace, name)
  if (await context.objects.get(key)) await context.objects.guaranteedUpdate(key, async () => ({ remove: true }))
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
