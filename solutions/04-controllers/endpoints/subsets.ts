/**
 * The older form of the same knowledge: one Endpoints object per Service, with a subset per set of ports.
 *
 * Source: kubernetes `pkg/controller/endpoint/endpoints_controller.go` (syncService), `pkg/api/v1/endpoints/util.go`
 * (RepackSubsets).
 */
import type { EndpointSubset, Pod, Service, Stored } from '#kit/api/objects.ts'
import { isReady } from '../pods.ts'
import { endpointPorts } from './pod-endpoint.ts'

/**
 * One subset for each set of ports that pods answer on: the ready pods in `addresses`, the others in
 * `notReadyAddresses`; lists that are empty are left out. A terminating pod is in neither. With
 * `publishNotReadyAddresses` all pods, terminating ones too, count as ready. A pod that answers on no port of a Service
 * that has ports is left out. Addresses are sorted by IP, subsets by their ports' JSON; a port's name is left out when
 * it is empty.
 *
 * @param pods those that the Service selects, from `selectedPods`
 *
 * @lab 4.7 Sort pods into the subsets of an Endpoints object
 */
export function endpointSubsets(service: Service, pods: readonly Stored<Pod>[]): EndpointSubset[] {
  const publishAll = service.spec?.publishNotReadyAddresses === true
  const subsets = new Map<string, Required<EndpointSubset>>()
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp && !publishAll) continue
    const ports = endpointPorts(service, pod).map(({ name, port = 0, ...rest }) => ({
      ...(name && { name }),
      port,
      ...rest,
    }))
    if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue
    const key = JSON.stringify(ports)
    const subset = subsets.get(key) ?? { addresses: [], notReadyAddresses: [], ports }
    subsets.set(key, subset)
    const { namespace, name, uid } = pod.metadata
    const targetRef = { kind: 'Pod', ...(namespace && { namespace }), name, uid }
    const list = publishAll || isReady(pod) ? subset.addresses : subset.notReadyAddresses
    list.push({ ip: pod.status?.podIP ?? '', ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }), targetRef })
  }
  const byKey = [...subsets].sort(([one], [other]) => (one < other ? -1 : 1))
  return byKey.map(([, { addresses, notReadyAddresses, ports }]) => ({
    ...(addresses.length > 0 && { addresses: addresses.sort(byIp) }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses: notReadyAddresses.sort(byIp) }),
    ...(ports.length > 0 && { ports }),
  }))
}

function byIp(one: { ip: string }, other: { ip: string }): number {
  return one.ip < other.ip ? -1 : 1
}
