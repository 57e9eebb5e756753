/**
 * Deleting takes time. A pod's containers need to stop, an owner's dependents may have to go first, a namespace must be
 * emptied. So a deletion is often only put on record (`deletionTimestamp`), and the object is removed when nothing holds
 * it any more: no **finalizer**, and no **grace period**.
 *
 * Guarantees: an object with finalizers is never removed; a deletion on record is never taken back, only hastened; an
 * object whose deletion is on record is removed as soon as its last finalizer is.
 *
 * Source: apiserver `pkg/registry/rest/delete.go` (BeforeDelete), `pkg/registry/generic/registry/store.go`
 * (deletionFinalizersForGarbageCollection, deleteWithoutFinalizers); kubernetes `pkg/registry/core/pod/strategy.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { DeleteOptions } from '#kit/contracts/api-client.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { conflict } from './errors.ts'

/** What these rules need to know about a kind, and about an object besides its metadata. */
export interface DeletionTraits {
  /** Objects of this kind may take their time to end: pods. */
  readonly gracefulDeletion?: boolean | undefined
  readonly defaultPropagation?: KindRow['defaultPropagation'] | undefined
  /** Finalizers that are not in the metadata: a namespace's `spec.finalizers`. Other kinds have none. */
  readonly otherFinalizers?: readonly string[] | undefined
}

export type DeletionDecision =
  /** Remove it from the store now. */
  | { readonly action: 'remove' }
  /** Put the deletion on record: store this object. */
  | { readonly action: 'mark'; readonly object: ApiObject }
  /** It is on record already, and this request changes nothing about it. */
  | { readonly action: 'wait' }

/**
 * How many seconds this object may take to end, if it is of a kind that may (`gracefulDeletion`), else 0.
 *
 * For a pod: what the request says, or else the pod's own `terminationGracePeriodSeconds`, or 30; a negative number
 * means 1. But a pod that no kubelet has to stop goes at once: one not yet on any node, and one that has finished
 * (phase Succeeded or Failed).
 *
 * @lab 2.9 Say how long an object may take to end
 */
export function gracePeriodSeconds(object: ApiObject, options: DeleteOptions, traits: DeletionTraits): number {
  throw new NotImplemented(
    '2.9',
    'gracePeriodSeconds',
    'Say how long an object may take to end',
    'labs/02-apiserver/src/deletion.ts',
  )
}

/**
 * The finalizers after the request's propagation policy: what is to become of the objects that this one owns?
 * "Foreground" (they go first) is the finalizer `foregroundDeletion`, "Orphan" (they stay, without owner) is `orphan`, and
 * "Background" (they go later) neither of them; both are the garbage collector's to remove. Without a policy in the
 * request: what the object already carries, or else the kind's default, or else Background. All other finalizers stay;
 * a new one goes to the end. A kind whose default is "Unsupported" owns nothing, so whatever is asked for, it gets neither.
 *
 * @lab 2.9 Turn the propagation policy into a finalizer
 */
export function finalizersFor(
  policy: DeleteOptions['propagationPolicy'],
  finalizers: readonly string[],
  traits: DeletionTraits,
): string[] {
  throw new NotImplemented(
    '2.9',
    'finalizersFor',
    'Turn the propagation policy into a finalizer',
    'labs/02-apiserver/src/deletion.ts',
  )
}

/**
 * What a DELETE does to an object at `nowMs`.
 *
 * With no finalizers left (`otherFinalizers` count, too) and no grace period, it is removed. Otherwise the
 * deletion goes on record: `deletionTimestamp` is when it will be over (now plus the grace period, RFC 3339 in whole
 * seconds), `deletionGracePeriodSeconds` the grace period (for namespaces, which have `otherFinalizers`, it is left out),
 * `finalizers` are set (left out when there are none), and a `generation`, if there is one, rises by one.
 *
 * If a deletion is on record already, a request can only shorten it: if it says a smaller grace period, that moves the
 * `deletionTimestamp` forward by the difference. Not into the past: then it is now, and of a grace that was not 0, 1 is left.
 * And 0 with no finalizers removes the object: that is how a kubelet reports that the containers have stopped. While there is
 * grace left, a request that says no grace, or the same, or more, changes nothing, whatever its policy. When none is
 * left, a policy may still change the finalizers, and without any the object goes.
 *
 * The object passed in must not be changed.
 *
 * @lab 2.9 Decide what a DELETE does
 */
export function decideDeletion(
  object: Stored<ApiObject>,
  options: DeleteOptions,
  traits: DeletionTraits,
  nowMs: number,
): DeletionDecision {
  throw new NotImplemented('2.9', 'decideDeletion', 'Decide what a DELETE does', 'labs/02-apiserver/src/deletion.ts')
}

/**
 * Whether an update has taken away the last thing that kept a deleted object: its deletion is on record, it has no
 * finalizer of any sort, and no grace period to wait for.
 *
 * @lab 2.9 Notice that nothing holds an object any more
 */
export function isReadyToBeRemoved(object: ApiObject, otherFinalizers: readonly string[]): boolean {
  throw new NotImplemented(
    '2.9',
    'isReadyToBeRemoved',
    'Notice that nothing holds an object any more',
    'labs/02-apiserver/src/deletion.ts',
  )
}

/** The traits of a row and one of its objects. */
export function deletionTraits(row: KindRow, object: ApiObject): DeletionTraits {
  const { gracefulDeletion, defaultPropagation } = row
  return { gracefulDeletion, defaultPropagation, otherFinalizers: row.otherFinalizers?.(object) }
}

/** "Delete it only if it is still the one I mean." Upstream names the kind here, where all other conflicts name the resource. */
export function checkPreconditions(
  { uid, resourceVersion }: { readonly uid?: string; readonly resourceVersion?: string },
  { metadata }: Stored<ApiObject>,
  { resource: { group, kind } }: Pick<KindRow, 'resource'>,
): void {
  const check = (what: string, wanted: string | undefined, found: string, perhaps: string) => {
    if (wanted === undefined || wanted === found) return
    const why = `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${found})`
    throw conflict({ group, plural: kind }, metadata.name, `${why}. The object might have been ${perhaps}`)
  }
  check('UID', uid, metadata.uid, 'deleted and then recreated')
  check('ResourceVersion', resourceVersion, metadata.resourceVersion, 'modified')
}

/** RFC 3339 in whole seconds, as all times in metadata are. */
export function toRfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
