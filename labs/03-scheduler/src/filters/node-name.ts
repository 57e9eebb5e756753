/**
 * A pod may ask for one node by name. Such pods usually skip the scheduler altogether (the API server stores the name, the
 * kubelet starts them); the filter keeps the rule for those that come here all the same.
 *
 * Source: kube-scheduler `plugins/nodename`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { FilterPlugin, FilterResult, NodeInfo } from '#kit/contracts/scheduling.ts'

export const nodeNameFilter: FilterPlugin = {
  name: 'NodeName',
  forPod: (pod) => (node) => hasRequestedName(pod, node),
}

/**
 * The pod's `spec.nodeName`, if it has one, must be this node's name. Otherwise the node is unsuitable:
 * "node(s) didn't match the requested node name".
 *
 * @lab 3.3 Keep to the node that the pod names
 */
export function hasRequestedName(pod: Pod, node: NodeInfo): FilterResult {
  throw new NotImplemented(
    '3.3',
    'hasRequestedName',
    'Keep to the node that the pod names',
    'labs/03-scheduler/src/filters/node-name.ts',
  )
}
