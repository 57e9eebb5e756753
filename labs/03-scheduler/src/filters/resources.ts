/**
 * The node must have room for what the pod requests, and for one pod more. Room is what is *requested*, not what is in use:
 * a node whose pods sleep can be full, and one whose CPUs are all busy can be empty.
 *
 * Source: kube-scheduler `plugins/noderesources/fit.go` (fitsRequest).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { FilterPlugin, FilterResult, NodeInfo, ResourceAmounts } from '#kit/contracts/scheduling.ts'
import { podRequests } from '../pod-requests.ts'

export const nodeResourcesFilter: FilterPlugin = {
  name: 'NodeResourcesFit',
  forPod(pod: Pod) {
    const requests = podRequests(pod)
    return (node) => fitsResources(requests, node)
  },
}

/**
 * For each resource that the pod requests, the node must have that much unrequested; and `allocatable.pods` must leave room for
 * one more pod. Otherwise the node is busy, with every reason that applies: "Too many pods" and "Insufficient <resource>".
 * What the pod does not request, or requests 0 of, cannot be insufficient, not even on a node that promised too much already.
 *
 * @param requests the pod's effective requests
 *
 * @lab 3.3 Compare requests with what is left
 */
export function fitsResources(requests: ResourceAmounts, node: NodeInfo): FilterResult {
  throw new NotImplemented(
    '3.3',
    'fitsResources',
    'Compare requests with what is left',
    'labs/03-scheduler/src/filters/resources.ts',
  )
}
