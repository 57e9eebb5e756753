/**
 * Topology spread as a preference (`whenUnsatisfiable: ScheduleAnyway`): the fewer selected pods in a node's domains, the better.
 *
 * A cluster has more hosts than zones, so hosts differ by less. Counts are therefore weighted by the logarithm of the number of
 * domains, otherwise zones would drown hosts.
 *
 * Source: kube-scheduler `plugins/podtopologyspread/scoring.go`.
 */
import type { TopologySpreadConstraint } from 'kubernetes-types/core/v1.js'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { domainOf } from '../pod-affinity-terms.ts'
import { countSelected, countsNode, hasAllDomains, spreadConstraints } from '../topology-spread.ts'
import { MAX_SCORE } from './normalize.ts'

/** With this key each node is a domain of its own, and is counted as such, whatever its label says. */
export const HOSTNAME_KEY = 'kubernetes.io/hostname'

export const topologySpreadScore: ScorePlugin = {
  name: 'PodTopologySpread',
  score: (pod, feasible, all) =>
    spreadConstraints(pod, 'ScheduleAnyway').length === 0 ? undefined : spreadScores(pod, feasible, all),
}

/**
 * A node's cost is the sum over the constraints of `count × ln(domains + 2) + maxSkew − 1`, rounded. `count` is the number of
 * selected pods in its domain (for HOSTNAME_KEY: on itself); `domains` is the number of domains among the feasible nodes that take
 * part (`hasAllDomains`; for HOSTNAME_KEY: the number of those nodes).
 *
 * The score is ⌊100 × (highest + lowest − cost) / highest⌋, over the nodes that take part, and 100 if the highest cost is 0. A node
 * that does not take part scores 0.
 *
 * @lab 3.9 Prefer the emptier domains
 */
export function spreadScores(pod: Pod, feasible: readonly NodeInfo[], all: readonly NodeInfo[]): number[] {
  const constraints = spreadConstraints(pod, 'ScheduleAnyway')
  const taking = feasible.filter((node) => hasAllDomains(node, constraints))
  const costs = new Map<NodeInfo, number>(taking.map((node) => [node, 0]))
  for (const constraint of constraints) {
    const costOf = costOfConstraint(
      constraint,
      pod,
      taking,
      all.filter((node) => hasAllDomains(node, constraints)),
    )
    for (const node of taking) costs.set(node, costs.get(node)! + costOf(node))
  }
  const rounded = new Map([...costs].map(([node, cost]) => [node, Math.round(cost)]))
  const highest = [...rounded.values()].reduce((a, b) => Math.max(a, b), 0)
  const lowest = [...rounded.values()].reduce((a, b) => Math.min(a, b), highest)
  return feasible.map((node) => {
    const cost = rounded.get(node)
    if (cost === undefined) return 0
    return highest === 0 ? MAX_SCORE : Math.floor((MAX_SCORE * (highest + lowest - cost)) / highest)
  })
}

/**
 * What one constraint adds to the cost of a node.
 *
 * @solution-only
 */
function costOfConstraint(
  constraint: TopologySpreadConstraint,
  pod: Pod,
  taking: readonly NodeInfo[],
  all: readonly NodeInfo[],
): (node: NodeInfo) => number {
  const { topologyKey, maxSkew } = constraint
  if (topologyKey === HOSTNAME_KEY) {
    const weight = Math.log(taking.length + 2)
    return (node) => countSelected(constraint, pod, node) * weight + maxSkew - 1
  }
  const podsByDomain = new Map(taking.map((node) => [domainOf(node, topologyKey)!, 0]))
  for (const node of all) {
    const domain = domainOf(node, topologyKey)!
    const known = podsByDomain.get(domain)
    if (known === undefined || !countsNode(constraint, pod, node)) continue
    podsByDomain.set(domain, known + countSelected(constraint, pod, node))
  }
  const weight = Math.log(podsByDomain.size + 2)
  return (node) => podsByDomain.get(domainOf(node, topologyKey)!)! * weight + maxSkew - 1
}
