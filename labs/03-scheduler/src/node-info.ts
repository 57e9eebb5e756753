/**
 * Builds NodeInfo values. They are never changed in place: every change makes a new one, so a snapshot that a scheduling cycle
 * works on stays as it was, and costs no copying.
 */
import { type Node, objectKey, type Pod } from '#kit/api/objects.ts'
import type { HostPort, NodeInfo } from '#kit/contracts/scheduling.ts'
import { podRequests, SCORING_DEFAULTS } from './pod-requests.ts'
import { addAmounts, parseAmounts } from './resource-amounts.ts'

export function createNodeInfo(node: Node, pods: readonly Pod[] = []): NodeInfo {
  const empty: NodeInfo = {
    name: node.metadata?.name ?? '',
    node,
    pods: [],
    allocatable: parseAmounts(node.status?.allocatable),
    requested: {},
    requestedForScoring: {},
    usedPorts: [],
  }
  return pods.reduce(withPod, empty)
}

export function withPod(info: NodeInfo, pod: Pod): NodeInfo {
  return {
    ...info,
    pods: [...info.pods, pod],
    requested: addAmounts(info.requested, podRequests(pod)),
    requestedForScoring: addAmounts(info.requestedForScoring, podRequests(pod, SCORING_DEFAULTS)),
    usedPorts: [...info.usedPorts, ...hostPortsOf(pod)],
  }
}

/** Sums are built anew from what remains, so that they cannot drift from it. */
export function withoutPod(info: NodeInfo, pod: Pod): NodeInfo {
  const remaining = info.pods.filter((other) => podIdentity(other) !== podIdentity(pod))
  return createNodeInfo(info.node, remaining)
}

/** The ports of the node that a pod's containers occupy. */
export function hostPortsOf(pod: Pod): HostPort[] {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? [])
  return ports
    .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
    .map(({ hostIP, protocol, hostPort }) => ({
      hostIP: hostIP || '0.0.0.0',
      protocol: protocol || 'TCP',
      hostPort: hostPort!,
    }))
}

/** Tells a pod from a later one of the same name. */
export function podIdentity(pod: Pod): string {
  return pod.metadata?.uid ?? objectKey(pod)
}
