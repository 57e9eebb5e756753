/**
 * The pod's node selector and required node affinity as a filter.
 *
 * Source: kube-scheduler `plugins/nodeaffinity`.
 */
import type { FilterPlugin } from '#kit/contracts/scheduling.ts'
import { matchesNodeRequirements } from '../node-selector.ts'
import { FITS, unsuitable } from './filter-result.ts'

export const nodeAffinityFilter: FilterPlugin = {
  name: 'NodeAffinity',
  forPod: (pod) => (node) =>
    matchesNodeRequirements(pod, node.node) ? FITS : unsuitable("node(s) didn't match Pod's node affinity/selector"),
}
