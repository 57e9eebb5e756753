/**
 * Prefers nodes with much left to give, so load spreads. (Its opposite, MostAllocated, packs nodes so that others can be turned
 * off; upstream has both as strategies of one plugin.)
 *
 * Source: kube-scheduler `plugins/noderesources/least_allocated.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { NodeInfo, ResourceAmounts, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { podRequests, SCORING_DEFAULTS } from '../pod-requests.ts'

export const nodeResourcesScore: ScorePlugin = {
  name: 'NodeResourcesFit',
  score(pod, feasible) {
    const requests = podRequests(pod, SCORING_DEFAULTS)
    return feasible.map((node) => leastAllocatedScore(requests, node))
  },
}

/**
 * For cpu and memory: the hundredths of the node's allocatable amount that would be left with this pod on it, fractions cut off, 0
 * when more is requested than there is. The score is the mean of the two, cut off again; a resource of which the node has
 * nothing does not count. Counts `requestedForScoring`, where pods without requests are not free.
 *
 * @param requests of the pod, default amounts included
 *
 * @lab 3.6 Prefer nodes with more left
 */
export function leastAllocatedScore(requests: ResourceAmounts, node: NodeInfo): number {
  throw new NotImplemented(
    '3.6',
    'leastAllocatedScore',
    'Prefer nodes with more left',
    'labs/03-scheduler/src/scores/least-allocated.ts',
  )
}
