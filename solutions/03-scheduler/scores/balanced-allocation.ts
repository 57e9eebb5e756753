/**
 * Prefers nodes on which cpu and memory would be used up evenly. A node with no memory left cannot give away its idle CPUs.
 *
 * Source: kube-scheduler `plugins/noderesources/balanced_allocation.go`.
 */
import type { NodeInfo, ResourceAmounts, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { podRequests } from '../pod-requests.ts'
import { MAX_SCORE } from './normalize.ts'

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
  const fractions: number[] = []
  for (const name of ['cpu', 'memory']) {
    const total = node.allocatable[name] ?? 0
    if (total === 0) continue
    fractions.push(Math.min(1, ((node.requested[name] ?? 0) + (requests[name] ?? 0)) / total))
  }
  const [first = 0, second = first] = fractions
  return Math.floor((1 - Math.abs((first - second) / 2)) * MAX_SCORE)
}
