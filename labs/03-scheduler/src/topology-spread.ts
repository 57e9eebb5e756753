/**
 * "Spread my replicas": the difference between domains, the skew, shall not exceed `maxSkew`. With `DoNotSchedule` that is a
 * filter, with `ScheduleAnyway` a score.
 *
 * What both need to know is the same: which pods count, which nodes count, and how many pods each domain holds.
 *
 * Source: kube-scheduler `plugins/podtopologyspread/common.go`, KEP-895, KEP-3094 (node inclusion policies).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { TopologySpreadConstraint } from 'kubernetes-types/core/v1.js'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo } from '#kit/contracts/scheduling.ts'
import { matchesNodeRequirements } from './node-selector.ts'
import { domainOf } from './pod-affinity-terms.ts'
import { tolerates } from './tolerations.ts'

/** The pod's constraints of one sort, with `matchLabelKeys` turned into requirements on the pod's own values. */
export function spreadConstraints(
  pod: Pod,
  whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway',
): readonly TopologySpreadConstraint[] {
  const constraints = pod.spec?.topologySpreadConstraints ?? []
  return constraints.filter((one) => one.whenUnsatisfiable === whenUnsatisfiable).map((one) => withOwnLabels(one, pod))
}

/** Whether the node takes part at all: it must have the topology labels of all these constraints. */
export function hasAllDomains(node: NodeInfo, constraints: readonly TopologySpreadConstraint[]): boolean {
  return constraints.every(({ topologyKey }) => domainOf(node, topologyKey) !== undefined)
}

/**
 * Whether pods on this node count for the constraint: by default nodes that the pod itself rules out by selector or affinity do
 * not, and nodes with taints do.
 */
export function countsNode(constraint: TopologySpreadConstraint, pod: Pod, { node }: NodeInfo): boolean {
  if (constraint.nodeAffinityPolicy !== 'Ignore' && !matchesNodeRequirements(pod, node)) return false
  if (constraint.nodeTaintsPolicy !== 'Honor') return true
  const forbidding = (node.spec?.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule')
  return forbidding.every((taint) => tolerates(pod, taint))
}

/**
 * How many pods on the node the constraint is about: those in the pod's namespace that the constraint's label selector matches,
 * except pods that are being deleted.
 *
 * @lab 3.9 Count the pods that a constraint is about
 */
export function countSelected(constraint: TopologySpreadConstraint, pod: Pod, node: NodeInfo): number {
  throw new NotImplemented(
    '3.9',
    'countSelected',
    'Count the pods that a constraint is about',
    'labs/03-scheduler/src/topology-spread.ts',
  )
}

function withOwnLabels(constraint: TopologySpreadConstraint, pod: Pod): TopologySpreadConstraint {
  const own = (constraint.matchLabelKeys ?? []).flatMap((key) => {
    const value = pod.metadata?.labels?.[key]
    return value === undefined ? [] : [{ key, operator: 'In', values: [value] }]
  })
  if (own.length === 0) return constraint
  const { matchExpressions = [], ...selector } = constraint.labelSelector ?? {}
  return { ...constraint, labelSelector: { ...selector, matchExpressions: [...matchExpressions, ...own] } }
}
