/**
 * Prefers nodes on which cpu and memory would be used up evenly. A node with no memory left cannot give away its idle CPUs.
 *
 * Source: kube-scheduler `plugins/noderesources/balanced_allocation.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { NodeInfo, ResourceAmounts, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { podRequests } from '../pod-requests.ts'

export const balancedAllocationScore: ScorePlugin = {
  name: 'NodeResourcesBalancedAllocation',
  score(pod, feasible) {
    const requests = podRequests(pod)
    return feasible.map((node) => balancedScore(requests, node))
  },
}

/**
 * The fractions of cpu and memory that would be requested with this pod on the node, each at most 1: 100 when they are equal,
 * and half a point less for each hundredth that they are apart; fractions cut off. Counts `requested`, without default amounts.
 *
 * @param requests of the pod, without default amounts
 *
 * @lab 3.6 Prefer nodes on which cpu and memory run out together
 */
export function balancedScore(requests: ResourceAmounts, node: NodeInfo): number {
  throw new NotImplemented(
    '3.6',
    'balancedScore',
    'Prefer nodes on which cpu and memory run out together',
    'labs/03-scheduler/src/scores/balanced-allocation.ts',
  )
}
