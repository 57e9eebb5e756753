/**
 * One pod behind one Service: on which ports it answers, and whether it should be asked.
 *
 * Source: kubernetes `staging/src/k8s.io/endpointslice/utils.go` (podToEndpoint, getEndpointPorts),
 * `pkg/api/v1/pod/util.go` (FindPort), KEP-1672 (terminating endpoints).
 */
import type { Endpoint, EndpointPort, Pod, Service, ServicePort, Stored } from '#kit/api/objects.ts'
import { matchesLabels } from '#kit/api/selectors.ts'
import { isFinished, isReady } from '../pods.ts'

/** The pods that the Service selects and that have an address; finished ones never answer again. Given. */
export function selectedPods(service: Service, pods: readonly Stored<Pod>[]): readonly Stored<Pod>[] {
  const { selector } = service.spec ?? {}
  if (!selector || Object.keys(selector).length === 0) return []
  return pods.filter((pod) => matchesLabels(selector, pod.metadata.labels) && pod.status?.podIP && !isFinished(pod))
}

/**
 * The port on the pod that a Service's port leads to, or undefined when the pod has none. `targetPort` is a number, or
 * the name of a port of one of the pod's containers with the same protocol; different pods may give that name to
 * different numbers. Without `targetPort` it is the Service's own number. The default protocol is TCP.
 *
 * @lab 4.7 Find the port that a name stands for
 */
export function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const { targetPort: target = port.port, protocol = 'TCP' } = port
  if (typeof target === 'number') return target
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
  return containers
    .flatMap(({ ports }) => ports ?? [])
    .find((candidate) => candidate.name === target && (candidate.protocol ?? 'TCP') === protocol)?.containerPort
}

/** The Service's ports as this pod answers them; those that the pod does not have are left out. Given. */
export function endpointPorts(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod)
    if (number === undefined) return []
    const { name = '', protocol = 'TCP', appProtocol } = port
    return [{ name, protocol, port: number, ...(appProtocol && { appProtocol }) }]
  })
}

/**
 * The pod as an entry of an EndpointSlice: its address, node and identity (kind, namespace, name, uid), and three
 * answers:
 *
 * - `serving`: the pod is ready.
 * - `terminating`: the pod is being deleted.
 * - `ready`: send it traffic: serving and not terminating. A Service with `publishNotReadyAddresses` always says yes.
 *
 * @lab 4.7 Describe a pod as an endpoint
 */
export function podEndpoint(service: Service, pod: Stored<Pod>): Endpoint {
  const serving = isReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating)
  const { namespace, name, uid } = pod.metadata
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: { ready, serving, terminating },
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', ...(namespace && { namespace }), name, uid },
  }
}
