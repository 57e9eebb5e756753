/**
 * Topology spread as a rule (`whenUnsatisfiable: DoNotSchedule`).
 *
 * Source: kube-scheduler `plugins/podtopologyspread/filtering.go`.
 */
import type { TopologySpreadConstraint } from 'kubernetes-types/core/v1.js'
import type { Pod } from '#kit/api/objects.ts'
import { matchesLabelSelector } from '#kit/api/selectors.ts'
import type { FilterPlugin, FilterResult, NodeInfo } from '#kit/contracts/scheduling.ts'
import { domainOf } from '../pod-affinity-terms.ts'
import { countSelected, countsNode, hasAllDomains, spreadConstraints } from '../topology-spread.ts'
import { busy, FITS, unsuitable } from './filter-result.ts'

/** A constraint, and how many selected pods each of its domains holds. */
export interface CountedConstraint {
  readonly constraint: TopologySpreadConstraint
  /** Also holds domains with 0 pods: they are what the others are measured against. */
  readonly podsByDomain: ReadonlyMap<string, number>
}

export const topologySpreadFilter: FilterPlugin = {
  name: 'PodTopologySpread',
  forPod(pod, nodes) {
    if (spreadConstraints(pod, 'DoNotSchedule').length === 0) return () => FITS
    const counted = countDomains(pod, nodes)
    return (node) => fitsSpread(pod, node, counted)
  },
}

/**
 * For each constraint that forbids (`spreadConstraints`), the number of selected pods per domain, over all nodes that have the labels
 * of all these constraints (`hasAllDomains`) and count for this one (`countsNode`).
 *
 * @lab 3.9 Count the pods of each domain
 */
export function countDomains(pod: Pod, nodes: readonly NodeInfo[]): CountedConstraint[] {
  const constraints = spreadConstraints(pod, 'DoNotSchedule')
  const taking = nodes.filter((node) => hasAllDomains(node, constraints))
  return constraints.map((constraint) => {
    const podsByDomain = new Map<string, number>()
    for (const node of taking) {
      if (!countsNode(constraint, pod, node)) continue
      const domain = domainOf(node, constraint.topologyKey)!
      podsByDomain.set(domain, (podsByDomain.get(domain) ?? 0) + countSelected(constraint, pod, node))
    }
    return { constraint, podsByDomain }
  })
}

/**
 * For each constraint, in order: the node must have the topology label, else it is unsuitable: "node(s) didn't match pod topology spread
 * constraints (missing required label)". With this pod, its domain may hold at most `maxSkew` pods more than the emptiest
 * domain, else it is busy: "node(s) didn't match pod topology spread constraints". This pod counts only if the constraint selects
 * it. With fewer domains than `minDomains` (default 1), the emptiest counts as 0.
 *
 * @lab 3.9 Keep the skew within its limit
 */
export function fitsSpread(pod: Pod, node: NodeInfo, counted: readonly CountedConstraint[]): FilterResult {
  const reason = "node(s) didn't match pod topology spread constraints"
  for (const { constraint, podsByDomain } of counted) {
    const domain = domainOf(node, constraint.topologyKey)
    if (domain === undefined) return unsuitable(`${reason} (missing required label)`)
    const self = matchesLabelSelector(constraint.labelSelector, pod.metadata?.labels) ? 1 : 0
    const enoughDomains = podsByDomain.size >= (constraint.minDomains ?? 1)
    const emptiest = enoughDomains ? [...podsByDomain.values()].reduce((a, b) => Math.min(a, b)) : 0
    if ((podsByDomain.get(domain) ?? 0) + self - emptiest > constraint.maxSkew) return busy(reason)
  }
  return FITS
}
