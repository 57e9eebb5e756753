/**
 * A namespace goes when everything in it has gone.
 *
 * `kubectl delete namespace` only marks it: deletionTimestamp, phase Terminating, nothing new may be created inside. It
 * stays, because of the finalizer `kubernetes` in its spec, until this controller has emptied it.
 *
 * Source: kubernetes `pkg/controller/namespace/deletion/namespaced_resources_deleter.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Namespace, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { Decision } from '#kit/contracts/controllers.ts'
import type { GarbageItem } from '../garbage/collect.ts'

const FINALIZER = 'kubernetes'
const LOOK_AGAIN_MS = 1_000

export interface NamespaceWorld {
  readonly namespace: Stored<Namespace>
  /** Every object in it, of all kinds. */
  readonly contents: readonly GarbageItem[]
  readonly nowMs: number
}

/**
 * A namespace that is not being deleted: nothing. One that is, with contents: a deletion (`deletion`, Background) for
 * each object that is not being deleted yet, then the status that says what is left (`remainingStatus`, if it differs
 * from the present one), and another look after `LOOK_AGAIN_MS`. Empty: an update of its subresource `finalize`, with
 * `kubernetes` taken out of `spec.finalizers` (unless it is out already), upon which the server deletes it.
 *
 * @lab 4.8 Empty a namespace, then let it go
 */
export function reconcileNamespace({ namespace, contents, nowMs }: NamespaceWorld): Decision {
  throw new NotImplemented(
    '4.8',
    'reconcileNamespace',
    'Empty a namespace, then let it go',
    'labs/04-controllers/src/namespaces/reconcile.ts',
  )
}

/** What `kubectl describe namespace` shows while it waits. Given. */
export function remainingStatus(
  { status, metadata }: Stored<Namespace>,
  contents: readonly GarbageItem[],
  nowMs: number,
): NonNullable<Namespace['status']> {
  const remaining = count(contents.map(({ resource }) => `${resources[resource].plural}.${resources[resource].group}`))
  const held = count(contents.flatMap(({ metadata }) => metadata.finalizers ?? []))
  const list = (counts: [string, number][], word: string) =>
    counts.map(([what, number]) => `${what} ${word} ${number} resource instances`).join(', ')
  const isHeld = held.length > 0
  const conditions = [
    condition(
      'NamespaceDeletionDiscoveryFailure',
      false,
      'ResourcesDiscovered',
      'All resources successfully discovered',
    ),
    condition(
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    condition(
      'NamespaceDeletionContentFailure',
      false,
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ),
    condition(
      'NamespaceContentRemaining',
      true,
      'SomeResourcesRemain',
      `Some resources are remaining: ${list(remaining, 'has')}`,
    ),
    condition(
      'NamespaceFinalizersRemaining',
      isHeld,
      isHeld ? 'SomeFinalizersRemain' : 'ContentHasNoFinalizers',
      isHeld
        ? `Some content in the namespace has finalizers remaining: ${list(held, 'in')}`
        : 'All content-preserving finalizers finished',
    ),
  ]
  return { ...status, ...(metadata.deletionTimestamp && { phase: 'Terminating' }), conditions }

  function condition(type: string, isTrue: boolean, reason: string, message: string) {
    const before = status?.conditions?.find((one) => one.type === type)
    const now = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
    const isOld = before?.status === (isTrue ? 'True' : 'False')
    const lastTransitionTime = (isOld && before.lastTransitionTime) || now
    return { type, status: isTrue ? 'True' : 'False', lastTransitionTime, reason, message }
  }
}

function count(words: readonly string[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const word of [...words].sort()) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts]
}
