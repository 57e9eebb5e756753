/**
 * `kubectl cordon` sets `spec.unschedulable`: run on, but take nobody new. Pods that tolerate the taint which stands for it, as
 * those of a DaemonSet do, may come all the same.
 *
 * Source: kube-scheduler `plugins/nodeunschedulable`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod, Taint } from '#kit/api/objects.ts'
import type { FilterPlugin, FilterResult, NodeInfo } from '#kit/contracts/scheduling.ts'

/** What a cordon amounts to. */
export const CORDON_TAINT: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

export const nodeUnschedulableFilter: FilterPlugin = {
  name: 'NodeUnschedulable',
  forPod: (pod) => (node) => isOpenFor(pod, node),
}

/**
 * A cordoned node is unsuitable ("node(s) were unschedulable") for pods that do not tolerate `CORDON_TAINT`.
 *
 * @lab 3.4 Respect a cordon
 */
export function isOpenFor(pod: Pod, node: NodeInfo): FilterResult {
  throw new NotImplemented('3.4', 'isOpenFor', 'Respect a cordon', 'labs/03-scheduler/src/filters/unschedulable.ts')
}
