/**
 * Writing a Service takes numbers out of the cluster's ranges, and gives others back: taken before it is stored, given back
 * after, so that a crash in between can only lose a number (addresses.ts).
 *
 * Source: kubernetes `pkg/registry/core/service/storage/storage.go` (beginCreate, beginUpdate, afterDelete).
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { invalid } from '../errors.ts'
import { ENDPOINTS, storageKey } from '../storage/keys.ts'
import type { UpdateOutcome } from '../storage/object-store.ts'
import { type ApiContext, keyOf, type Target } from '../verbs/context.ts'

export function takesAddresses({ resource }: KindRow): boolean {
  return resource.kind === 'Service'
}

/** @param store undefined when the name is taken */
export async function storeNewService(
  context: ApiContext,
  { row, name }: Target,
  draft: ApiObject,
  store: () => Promise<Stored<ApiObject> | undefined>,
): Promise<Stored<ApiObject> | undefined> {
  const claims = await context.addresses.claim(draft)
  if (claims.errors.length > 0) throw invalid(row.resource, name, claims.errors)
  // If this throws, the write may have happened all the same: the addresses stay taken, and repair looks after them.
  const stored = await store()
  if (!stored) await claims.release()
  return stored
}

/** A guaranteed update. Each attempt gives back what the one before it took. */
export async function updateService(
  context: ApiContext,
  target: Target,
  decide: (current: Stored<ApiObject> | undefined) => Promise<UpdateOutcome>,
): Promise<Stored<ApiObject>> {
  const attempt: { old?: Stored<ApiObject> | undefined; removed: boolean } = { removed: false }
  let release = async () => {}
  try {
    const stored = await context.objects.guaranteedUpdate(keyOf(target), async (current) => {
      await release()
      const outcome = await decide(current)
      Object.assign(attempt, { old: current, removed: 'remove' in outcome })
      if ('remove' in outcome) return outcome
      const claims = await context.addresses.claim(outcome.put, current)
      release = claims.release
      if (claims.errors.length > 0) throw invalid(target.row.resource, target.name, claims.errors)
      return outcome
    })
    if (attempt.removed) await afterServiceRemoval(context, target, stored)
    else if (attempt.old) await context.addresses.release(attempt.old, stored)
    return stored
  } catch (error) {
    await release()
    throw error
  }
}

/** Its addresses are free again, and its Endpoints go at once: a new Service of that name must not find the old one's. */
export async function afterServiceRemoval(
  context: ApiContext,
  { namespace, name }: Target,
  service: Stored<ApiObject>,
): Promise<void> {
  await context.addresses.release(service)
  const key = storageKey(ENDPOINTS, namespace, name)
  if (await context.objects.get(key)) await context.objects.guaranteedUpdate(key, async () => ({ remove: true }))
}
