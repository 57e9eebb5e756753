/**
 * Required inter-pod affinity. Three rules, of which the last is easily forgotten: pods that run already have a say too.
 *
 * All pods are looked at once per attempt, and counted by domain; after that each node is answered by a few look-ups.
 *
 * Source: kube-scheduler `plugins/interpodaffinity/filtering.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { FilterPlugin, FilterResult, NodeInfo } from '#kit/contracts/scheduling.ts'
import { type DomainCounts, hasPodAffinity, requiredAntiAffinity } from '../pod-affinity-terms.ts'
import { FITS } from './filter-result.ts'

/** What is there in the cluster, seen from one pod. */
export interface AffinityCounts {
  /** Pods that all of its affinity terms select, once for each term's topology key. */
  readonly wanted: DomainCounts
  /** Pods that its anti-affinity terms select, term by term. */
  readonly shunned: DomainCounts
  /** Anti-affinity terms of existing pods that select it, by the domain that they close. */
  readonly closed: DomainCounts
}

export const podAffinityFilter: FilterPlugin = {
  name: 'InterPodAffinity',
  forPod(pod, nodes) {
    const concerned =
      hasPodAffinity(pod) || nodes.some(({ pods }) => pods.some((other) => requiredAntiAffinity(other).length > 0))
    if (!concerned) return () => FITS
    const counts = countAffinity(pod, nodes)
    return (node) => fitsPodAffinity(pod, node, counts)
  },
}

/**
 * Counts, over all pods on all nodes, what AffinityCounts describes, by the domain of the node on which each pod runs
 * (`addToDomain`).
 *
 * @lab 3.8 Count once what every node will be asked
 */
export function countAffinity(pod: Pod, nodes: readonly NodeInfo[]): AffinityCounts {
  throw new NotImplemented(
    '3.8',
    'countAffinity',
    'Count once what every node will be asked',
    'labs/03-scheduler/src/filters/pod-affinity.ts',
  )
}

/**
 * The three rules, in this order:
 *
 * 1. For every affinity term, the node must be in a domain that holds a wanted pod, else it is unsuitable: "node(s) didn't match pod
 *    affinity rules". One exception lets the first pod of a group in: when nobody wanted is anywhere, and the pod's own terms
 *    all select itself, any node that has all the topology labels will do.
 * 2. For no anti-affinity term may its domain hold a shunned pod, else it is busy: "node(s) didn't match pod anti-affinity rules".
 * 3. No label of the node may be a domain that an existing pod has closed, else it is busy: "node(s) didn't satisfy existing pods
 *    anti-affinity rules".
 *
 * @lab 3.8 Ask the three questions of affinity
 */
export function fitsPodAffinity(pod: Pod, node: NodeInfo, counts: AffinityCounts): FilterResult {
  throw new NotImplemented(
    '3.8',
    'fitsPodAffinity',
    'Ask the three questions of affinity',
    'labs/03-scheduler/src/filters/pod-affinity.ts',
  )
}
