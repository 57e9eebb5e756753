/**
 * The garbage collector: what nobody owns any more goes, and an owner that asked for it waits for what it owns.
 *
 * An object may name its owners in `metadata.ownerReferences`. How an owner was deleted says what becomes of its
 * dependents:
 *
 * | policy | the server marks the owner | and then |
 * |---|---|---|
 * | Background | not at all: it is gone at once | its dependents are collected |
 * | Foreground | deletionTimestamp, finalizer `foregroundDeletion` | its dependents are collected, then it goes |
 * | Orphan | deletionTimestamp, finalizer `orphan` | its dependents forget it, then it goes |
 *
 * Guarantee: an object goes only when the last of its owners is gone, and only the object that was looked at: each
 * deletion carries its uid as a precondition.
 * Source: kubernetes `pkg/controller/garbagecollector/garbagecollector.go` (attemptToDeleteItem, orphanDependents).
 */
import type { OwnerReference, Stored } from '#kit/api/objects.ts'
import type { Action, AnyObject, Decision, PatchAction, ResourceName } from '#kit/contracts/controllers.ts'

export const FOREGROUND = 'foregroundDeletion'
export const ORPHAN = 'orphan'

/** An object of any kind. */
export interface GarbageItem {
  readonly resource: ResourceName
  readonly metadata: Stored<AnyObject>['metadata']
}

export interface GarbageWorld {
  readonly item: GarbageItem
  /**
   * Each of the item's owner references, and its owner: there, gone (no object of that kind and name has that uid), or
   * waiting for its dependents to go first.
   */
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: 'present' | 'absent' | 'waiting' }[]
  /** Objects that name the item as an owner. */
  readonly dependents: readonly GarbageItem[]
}

/** What to do about one object. Given. */
export function reconcileGarbage(world: GarbageWorld): Decision {
  const { deletionTimestamp, finalizers = [] } = world.item.metadata
  if (deletionTimestamp === undefined) return { actions: collect(world) }
  if (finalizers.includes(ORPHAN)) return { actions: orphanDependents(world) }
  if (finalizers.includes(FOREGROUND)) return { actions: awaitDependents(world) }
  return { actions: [] }
}

/**
 * An object that is not being deleted. Without owner references, or with only present owners: nothing. With at least
 * one present owner: one patch (`forgetOwners`) that takes the absent and waiting ones out of its references. With
 * none: one deletion (`deletion`), in the Foreground if some owner waits and the item has dependents of its own, else
 * in the Background.
 *
 * @lab 4.8 Collect what has no owner left
 */
export function collect({ item, owners, dependents }: GarbageWorld): Action[] {
  if (owners.length === 0) return []
  const leaving = owners.filter(({ state }) => state !== 'present').map(({ reference }) => reference.uid)
  if (leaving.length === 0) return []
  if (leaving.length < owners.length) return [forgetOwners(item, leaving)]
  const someWait = owners.some(({ state }) => state === 'waiting')
  return [deletion(item, someWait && dependents.length > 0 ? 'Foreground' : 'Background')]
}

/**
 * An object that waits for its dependents. While any of them has a reference to it with `blockOwnerDeletion`, nothing
 * (they are collected by themselves); then one patch that takes its finalizer away (`removeFinalizer`), after which the
 * server deletes it.
 *
 * @lab 4.8 Let an owner go after its dependents
 */
export function awaitDependents({ item, dependents }: GarbageWorld): Action[] {
  const blocks = ({ metadata }: GarbageItem) =>
    metadata.ownerReferences?.some(({ uid, blockOwnerDeletion }) => uid === item.metadata.uid && blockOwnerDeletion)
  return dependents.some(blocks) ? [] : [removeFinalizer(item, FOREGROUND)]
}

/**
 * An object whose dependents shall stay: first every dependent forgets it, then its finalizer goes. In this order,
 * since a process that is killed in between starts again.
 *
 * @lab 4.8 Leave the dependents behind
 */
export function orphanDependents({ item, dependents }: GarbageWorld): Action[] {
  return [...dependents.map((dependent) => forgetOwners(dependent, [item.metadata.uid])), removeFinalizer(item, ORPHAN)]
}

/** Given. */
export function deletion({ resource, metadata }: GarbageItem, propagationPolicy: 'Foreground' | 'Background'): Action {
  const { namespace, name, uid } = metadata
  return { do: 'delete', resource, namespace, name, options: { propagationPolicy, preconditions: { uid } } }
}

/** Takes these owners out of the item's references; the uid makes sure that it is this item. Given. */
export function forgetOwners({ resource, metadata }: GarbageItem, owners: readonly string[]): PatchAction {
  const ownerReferences = owners.map((uid) => ({ $patch: 'delete', uid }))
  return {
    do: 'patch',
    resource,
    namespace: metadata.namespace,
    name: metadata.name,
    type: 'application/strategic-merge-patch+json',
    patch: { metadata: { uid: metadata.uid, ownerReferences } },
  }
}

/** Given. */
export function removeFinalizer({ resource, metadata }: GarbageItem, finalizer: string): PatchAction {
  const left = (metadata.finalizers ?? []).filter((one) => one !== finalizer)
  return {
    do: 'patch',
    resource,
    namespace: metadata.namespace,
    name: metadata.name,
    type: 'application/merge-patch+json',
    patch: { metadata: { resourceVersion: metadata.resourceVersion, finalizers: left.length > 0 ? left : null } },
  }
}
