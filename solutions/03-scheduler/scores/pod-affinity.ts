/**
 * Preferred inter-pod affinity: pods attract and repel each other with weights, in both directions.
 *
 * Source: kube-scheduler `plugins/interpodaffinity/scoring.go`.
 */
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
import {
  addToDomain,
  countInDomain,
  type DomainCounts,
  hasPodAffinity,
  preferredAffinity,
  preferredAntiAffinity,
  requiredAffinity,
  termSelects,
} from '../pod-affinity-terms.ts'
import { MAX_SCORE } from './normalize.ts'

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
  const weights: DomainCounts = new Map()
  for (const node of all) {
    for (const other of node.pods) {
      for (const { topologyKey, weight } of mutualTerms(pod, other)) addToDomain(weights, topologyKey, node, weight)
    }
  }
  if (weights.size === 0) return undefined
  const sums = feasible.map((node) =>
    [...weights.keys()].reduce((sum, topologyKey) => sum + countInDomain(weights, topologyKey, node), 0),
  )
  return scaleBetweenExtremes(sums)
}

/**
 * Every term between the two pods that selects the other one, with its sign.
 *
 * @solution-only
 */
function mutualTerms(pod: Pod, other: Pod): { topologyKey: string; weight: number }[] {
  const found: { topologyKey: string; weight: number }[] = []
  for (const [owner, candidate] of [
    [pod, other],
    [other, pod],
  ] as const) {
    for (const { podAffinityTerm: term, weight } of preferredAffinity(owner)) {
      if (termSelects(term, owner, candidate)) found.push({ topologyKey: term.topologyKey, weight })
    }
    for (const { podAffinityTerm: term, weight } of preferredAntiAffinity(owner)) {
      if (termSelects(term, owner, candidate)) found.push({ topologyKey: term.topologyKey, weight: -weight })
    }
  }
  for (const term of requiredAffinity(other)) {
    if (termSelects(term, other, pod)) found.push({ topologyKey: term.topologyKey, weight: REQUIRED_TERM_WEIGHT })
  }
  return found
}

/** @solution-only */
function scaleBetweenExtremes(sums: readonly number[]): number[] {
  const lowest = sums.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const highest = sums.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  return sums.map((sum) => (highest === lowest ? 0 : Math.floor((MAX_SCORE * (sum - lowest)) / (highest - lowest))))
}
