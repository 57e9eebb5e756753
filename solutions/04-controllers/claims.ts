/**
 * Who owns what: a controller owns an object when the object's controller reference carries the controller's uid. The
 * selector only says what it may adopt, and what it must let go.
 *
 * Guarantee: an object has at most one controller, and is never taken from another one.
 * Source: kubernetes `pkg/controller/controller_ref_manager.go`.
 */
import type { LabelSelector, OwnerReference, Stored } from '#kit/api/objects.ts'
import { controllerOf } from '#kit/api/objects.ts'
import { matchesLabelSelector } from '#kit/api/selectors.ts'
import type { AnyObject, PatchAction, ResourceName } from '#kit/contracts/controllers.ts'

export interface Claims<T> {
  /** Ours, including those that are to be adopted. */
  readonly claimed: readonly Stored<T>[]
  /** Without a controller, matching: to be made ours. */
  readonly adopt: readonly Stored<T>[]
  /** Ours, no longer matching: to be let go. */
  readonly release: readonly Stored<T>[]
}

/**
 * Sorts candidates of the owner's namespace. Ours (the uid in their controller reference is the owner's) and matching:
 * claimed. Ours and not matching: released. Without a controller and matching: adopted, and by that claimed. Anything
 * else is somebody else's business. An owner that is being deleted adopts and releases nothing, and a candidate that is
 * being deleted is not adopted.
 *
 * Given to use: `controllerOf` (kit/api/objects.ts), `matchesLabelSelector` (kit/api/selectors.ts).
 *
 * @lab 4.3 Sort pods into claimed, adopted and released
 */
export function claim<T extends AnyObject>(
  owner: Stored<AnyObject>,
  selector: LabelSelector | undefined,
  candidates: readonly Stored<T>[],
): Claims<T> {
  const ownerLeaves = owner.metadata.deletionTimestamp !== undefined
  const claimed: Stored<T>[] = []
  const adopt: Stored<T>[] = []
  const release: Stored<T>[] = []
  for (const candidate of candidates) {
    const controller = controllerOf(candidate)
    if (controller && controller.uid !== owner.metadata.uid) continue
    const matches = matchesLabelSelector(selector, candidate.metadata.labels)
    if (controller) {
      if (matches) claimed.push(candidate)
      else if (!ownerLeaves) release.push(candidate)
    } else if (matches && !ownerLeaves && candidate.metadata.deletionTimestamp === undefined) {
      adopt.push(candidate)
      claimed.push(candidate)
    }
  }
  return { claimed, adopt, release }
}

/** The reference that makes `owner` the controller. Given. */
export function controllerReference(owner: Stored<AnyObject>): OwnerReference {
  const { name, uid } = owner.metadata
  const { apiVersion = '', kind = '' } = owner
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }
}

/**
 * The patches of `adopt` and `release`, as upstream sends them. Each carries the uid of the object it was decided for,
 * so the server refuses it if another object has taken the name. Given.
 */
export function claimPatches<T extends AnyObject>(
  resource: ResourceName,
  owner: Stored<AnyObject>,
  claims: Pick<Claims<T>, 'adopt' | 'release'>,
): PatchAction[] {
  const patch = (object: Stored<T>, reference: unknown): PatchAction => ({
    do: 'patch',
    resource,
    namespace: object.metadata.namespace,
    name: object.metadata.name,
    type: 'application/strategic-merge-patch+json',
    patch: { metadata: { uid: object.metadata.uid, ownerReferences: [reference] } },
  })
  return [
    ...claims.adopt.map((object) => patch(object, controllerReference(owner))),
    ...claims.release.map((object) => patch(object, { $patch: 'delete', uid: owner.metadata.uid })),
  ]
}
