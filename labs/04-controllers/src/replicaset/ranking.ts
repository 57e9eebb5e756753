/**
 * Which pods go first when there are too many: those whose loss costs least.
 *
 * Source: kubernetes `pkg/controller/controller_utils.go` (ActivePodsWithRanks).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod, Stored } from '#kit/api/objects.ts'

/** Annotation with an integer; lower goes first. Default 0. KEP-2255. */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

const PHASE_ORDER = ['Pending', 'Unknown', 'Running']

/**
 * The `count` pods to delete out of `pods`, the first to go first. In this order, the first difference decides; first
 * go pods
 *
 * 1. not assigned to a node, 2. in phase Pending, then Unknown, then Running, 3. not ready, 4. with the lower deletion
 * cost, 5. on the node with more of these pods, 6. ready for the shorter time, 7. with more container restarts, 8.
 * created later.
 *
 * Given to use: what stands below, and `isReady` and `readySinceMs` (../pods.ts). `pods` itself keeps its order.
 *
 * @lab 4.3 Rank pods for deletion
 */
export function podsToDelete(pods: readonly Stored<Pod>[], count: number): Stored<Pod>[] {
  throw new NotImplemented(
    '4.3',
    'podsToDelete',
    'Rank pods for deletion',
    'labs/04-controllers/src/replicaset/ranking.ts',
  )
}

/** Upstream reads anything that is not an integer as 0. */
export function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.[DELETION_COST] ?? '0'
  return /^-?\d+$/.test(text) ? Number(text) : 0
}

/** Restarts of the container that was restarted most. */
export function mostRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount))
}

/** Negative when `one` sorts before `other`, decided by the first place where they differ; 0 when they do not. */
export function firstDifference(one: readonly number[], other: readonly number[]): number {
  const place = one.findIndex((value, index) => value !== other[index])
  return place < 0 ? 0 : one[place]! - other[place]!
}
