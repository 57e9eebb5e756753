/**
 * Which addresses answer for a Service port: gathered from its EndpointSlices, and then those that may get traffic.
 *
 * Guarantee: endpoints that are not ready get no new connections, with one exception: when nothing else is left, those that
 * are on their way out but still serve. So a rolling update that is a little too fast loses no requests.
 *
 * Source: kubernetes `pkg/proxy/endpointslicecache.go`, `pkg/proxy/topology.go`, KEP-1669.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { EndpointSlice } from '#kit/api/objects.ts'
import type { EndpointInfo, EndpointsByServicePort } from '#kit/contracts/proxy.ts'

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
  throw new NotImplemented(
    '6.1',
    'endpointsByServicePort',
    'Gather endpoints from slices',
    'labs/06-kube-proxy/src/endpoints.ts',
  )
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
  throw new NotImplemented(
    '6.1',
    'usableEndpoints',
    'Tell which endpoints may get traffic',
    'labs/06-kube-proxy/src/endpoints.ts',
  )
}
