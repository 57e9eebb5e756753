/**
 * `/proxy`: anything that speaks HTTP, by way of the API server. The objects it leads to are looked up for
 * proxy-destination.ts; the shell passes the request on.
 *
 * Source: kubernetes `pkg/registry/core/{node,pod,service}/rest`.
 */
import type { ApiResponse } from '#kit/contracts/apiserver.ts'
import type { Call } from '../call.ts'
import { ENDPOINTS, NODES, PODS, SERVICES, storageKey } from '../storage/keys.ts'
import { type ProxySources, proxyDestination } from './proxy-destination.ts'

const places = { nodes: NODES, pods: PODS, services: SERVICES, endpoints: ENDPOINTS }

export async function handleProxy({ context, info, target }: Call): Promise<ApiResponse> {
  const sources: ProxySources = {
    get: (plural, namespace, name) => context.objects.get(storageKey(places[plural], namespace || undefined, name)),
    random: context.random,
  }
  const kind = target.row.resource.kind as 'Node' | 'Pod' | 'Service'
  return { kind: 'proxy', ...(await proxyDestination(sources, kind, info)) }
}
