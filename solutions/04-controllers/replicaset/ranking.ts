/**
 * Which pods go first when there are too many: those whose loss costs least.
 *
 * Source: kubernetes `pkg/controller/controller_utils.go` (ActivePodsWithRanks).
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { isReady, readySinceMs } from '../pods.ts'

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
  const onNode = new Map<string, number>()
  for (const { spec } of pods) onNode.set(spec?.nodeName ?? '', (onNode.get(spec?.nodeName ?? '') ?? 0) + 1)

  /** One number per rule; in each, the smaller goes first. */
  const ranks = (pod: Stored<Pod>): number[] => [
    pod.spec?.nodeName ? 1 : 0,
    PHASE_ORDER.indexOf(pod.status?.phase ?? 'Pending'),
    isReady(pod) ? 1 : 0,
    deletionCost(pod),
    -(onNode.get(pod.spec?.nodeName ?? '') ?? 0),
    -(readySinceMs(pod) ?? 0),
    -mostRestarts(pod),
    -Date.parse(pod.metadata.creationTimestamp),
  ]
  const ranked = pods.map((pod) => ({ pod, ranks: ranks(pod) }))
  ranked.sort((one, other) => firstDifference(one.ranks, other.ranks))
  return ranked.slice(0, count).map(({ pod }) => pod)
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
