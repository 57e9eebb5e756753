/**
 * A node's taints keep away pods that do not tolerate them. `NoSchedule` and `NoExecute` forbid; `PreferNoSchedule` only
 * advises against, which is a matter for scores.
 *
 * Source: kube-scheduler `plugins/tainttoleration`.
 */
import type { Pod } from '#kit/api/objects.ts'
import type { FilterPlugin, FilterResult, NodeInfo } from '#kit/contracts/scheduling.ts'
import { tolerates } from '../tolerations.ts'
import { FITS, unsuitable } from './filter-result.ts'

export const taintTolerationFilter: FilterPlugin = {
  name: 'TaintToleration',
  forPod: (pod) => (node) => toleratesTaints(pod, node),
}

/**
 * The pod must tolerate every `NoSchedule` and every `NoExecute` taint of the node. Otherwise the node is unsuitable, with the
 * first taint that it does not tolerate: "node(s) had untolerated taint {<key>: <value>}", where a missing value is empty:
 * "{<key>: }".
 *
 * @lab 3.4 Keep pods off nodes whose taints they do not tolerate
 */
export function toleratesTaints(pod: Pod, node: NodeInfo): FilterResult {
  const forbidding = (node.node.spec?.taints ?? []).filter(
    ({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute',
  )
  const taint = forbidding.find((candidate) => !tolerates(pod, candidate))
  return taint ? unsuitable(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`) : FITS
}
