/**
 * The older form of the same knowledge: one Endpoints object per Service, with a subset per set of ports.
 *
 * Source: kubernetes `pkg/controller/endpoint/endpoints_controller.go` (syncService), `pkg/api/v1/endpoints/util.go`
 * (RepackSubsets).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { EndpointSubset, Pod, Service, Stored } from '#kit/api/objects.ts'

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
  throw new NotImplemented(
    '4.7',
    'endpointSubsets',
    'Sort pods into the subsets of an Endpoints object',
    'labs/04-controllers/src/endpoints/subsets.ts',
  )
}

function byIp(one: { ip: string }, other: { ip: string }): number {
  return one.ip < other.ip ? -1 : 1
}
