/**
 * Prefers nodes with much left to give, so load spreads. (Its opposite, MostAllocated, packs nodes so that others can be turned
 * off; upstream has both as strategies of one plugin.)
 *
 * Source: kube-scheduler `plugins/noderesources/least_allocated.go`.
 */
import type { NodeInfo, ResourceAmounts, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { podRequests, SCORING_DEFAULTS } from '../pod-requests.ts'
import { MAX_SCORE } from './normalize.ts'

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
  const parts: number[] = []
  for (const name of ['cpu', 'memory']) {
    const total = node.allocatable[name] ?? 0
    if (total === 0) continue
    const left = total - (node.requestedForScoring[name] ?? 0) - (requests[name] ?? 0)
    parts.push(left < 0 ? 0 : Math.floor((left * MAX_SCORE) / total))
  }
  if (parts.length === 0) return 0
  return Math.floor(parts.reduce((a, b) => a + b, 0) / parts.length)
}
