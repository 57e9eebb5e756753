/**
 * Which addresses answer for a Service port: gathered from its EndpointSlices, and then those that may get traffic.
 *
 * Guarantee: endpoints that are not ready get no new connections, with one exception: when nothing else is left, those that
 * are on their way out but still serve. So a rolling update that is a little too fast loses no requests.
 *
 * Source: kubernetes `pkg/proxy/endpointslicecache.go`, `pkg/proxy/topology.go`, KEP-1669.
 */
import type { EndpointSlice } from '#kit/api/objects.ts'
import type { EndpointInfo, EndpointsByServicePort, ServicePortName } from '#kit/contracts/proxy.ts'
import { servicePortName } from './service-ports.ts'

/** The label by which an EndpointSlice says whose it is. */
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/**
 * The endpoints of all slices, by the Service port that they answer for, as a plain object (no Map): `{ 'default/web:http': […] }`.
 * The namespace is the slice's own, the Service's name is in its label `kubernetes.io/service-name`, the port's name in its list
 * of ports. A slice without that label belongs to somebody else, and is left out.
 *
 * - Only slices with `addressType: IPv4` count, and only their ports that have a number.
 * - An endpoint's address is the first of its `addresses`: upstream guarantees that all others mean the same.
 * - Conditions may be missing: `ready` and `serving` then count as true, `terminating` as false.
 * - `isLocal` says that the endpoint's `nodeName` is this node's.
 * - Ordered by the text "ip:port", so that equal endpoints make equal rules, whatever order the slices came in, and whichever of
 *   them an endpoint is in.
 *
 * @lab 6.1 Gather endpoints from slices
 */
export function endpointsByServicePort(slices: readonly EndpointSlice[], nodeName: string): EndpointsByServicePort {
  const gathered = new Map<ServicePortName, Map<string, EndpointInfo>>()
  for (const slice of slices) {
    const service = slice.metadata?.labels?.[SERVICE_NAME_LABEL]
    if (!service || slice.addressType !== 'IPv4') continue
    for (const { name, port } of slice.ports ?? []) {
      if (port === undefined || port === null) continue
      const key = servicePortName(slice.metadata?.namespace ?? 'default', service, name)
      // By "ip:port": an endpoint that moves from slice to slice is in both for a while, and counts once.
      const endpoints = gathered.get(key) ?? new Map<string, EndpointInfo>()
      gathered.set(key, endpoints)
      for (const { addresses, conditions = {}, nodeName: on } of slice.endpoints ?? []) {
        const [ip] = addresses
        if (!ip || endpoints.has(`${ip}:${port}`)) continue
        const { ready = true, serving = true, terminating = false } = conditions
        endpoints.set(`${ip}:${port}`, { ip, port, ready, serving, terminating, isLocal: on === nodeName })
      }
    }
  }
  return Object.fromEntries([...gathered].map(([name, endpoints]) => [name, inOrder(endpoints)]))
}

function inOrder(endpoints: ReadonlyMap<string, EndpointInfo>): EndpointInfo[] {
  return [...endpoints].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint)
}

/**
 * The endpoints that new connections may go to: those that are ready; and only when none is, those that are terminating but
 * still serving. The order stays.
 *
 * @lab 6.1 Tell which endpoints may get traffic
 */
export function usableEndpoints(endpoints: readonly EndpointInfo[]): EndpointInfo[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready)
  return ready.length > 0 ? ready : endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating)
}
