/**
 * Topology spread as a preference (`whenUnsatisfiable: ScheduleAnyway`): the fewer selected pods in a node's domains, the better.
 *
 * A cluster has more hosts than zones, so hosts differ by less. Counts are therefore weighted by the logarithm of the number of
 * domains, otherwise zones would drown hosts.
 *
 * Source: kube-scheduler `plugins/podtopologyspread/scoring.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { spreadConstraints } from '../topology-spread.ts'

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
  throw new NotImplemented(
    '3.9',
    'spreadScores',
    'Prefer the emptier domains',
    'labs/03-scheduler/src/scores/topology-spread.ts',
  )
}
