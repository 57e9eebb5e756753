/**
 * Topology spread as a rule (`whenUnsatisfiable: DoNotSchedule`).
 *
 * Source: kube-scheduler `plugins/podtopologyspread/filtering.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { TopologySpreadConstraint } from 'kubernetes-types/core/v1.js'
import type { Pod } from '#kit/api/objects.ts'
import type { FilterPlugin, FilterResult, NodeInfo } from '#kit/contracts/scheduling.ts'
import { spreadConstraints } from '../topology-spread.ts'
import { FITS } from './filter-result.ts'

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
  throw new NotImplemented(
    '3.9',
    'countDomains',
    'Count the pods of each domain',
    'labs/03-scheduler/src/filters/topology-spread.ts',
  )
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
  throw new NotImplemented(
    '3.9',
    'fitsSpread',
    'Keep the skew within its limit',
    'labs/03-scheduler/src/filters/topology-spread.ts',
  )
}
