/**
 * Preferred inter-pod affinity: pods attract and repel each other with weights, in both directions.
 *
 * Source: kube-scheduler `plugins/interpodaffinity/scoring.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { hasPodAffinity } from '../pod-affinity-terms.ts'

/** What a required affinity of an existing pod counts for: its kind is wanted there, though nothing demands it of the new pod. */
export const REQUIRED_TERM_WEIGHT = 1

export const podAffinityScore: ScorePlugin = {
  name: 'InterPodAffinity',
  score(pod, feasible, all) {
    const concerned = hasPodAffinity(pod) || all.some(({ pods }) => pods.some(hasPodAffinity))
    return concerned ? podAffinityScores(pod, feasible, all) : undefined
  },
}

/**
 * Adds up weights by domain, over all pods on all nodes: the weight of each preferred term of the new pod that selects the existing
 * one, and of each preferred term of the existing pod that selects the new one (anti-affinity counts negative); and
 * REQUIRED_TERM_WEIGHT for each required affinity term of the existing pod that selects the new one. A node's sum is that of its
 * domains, over all topology keys met. Sums are scaled so that the lowest becomes 0 and the highest 100, fractions cut off; if
 * all are equal, all become 0. Undefined when no term selected anything.
 *
 * @lab 3.8 Let pods attract and repel each other
 */
export function podAffinityScores(
  pod: Pod,
  feasible: readonly NodeInfo[],
  all: readonly NodeInfo[],
): number[] | undefined {
  throw new NotImplemented(
    '3.8',
    'podAffinityScores',
    'Let pods attract and repel each other',
    'labs/03-scheduler/src/scores/pod-affinity.ts',
  )
}
