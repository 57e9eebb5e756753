/**
 * Services of type LoadBalancer. At a cloud provider, this is where a load balancer is ordered; here every node is one,
 * since kube-proxy answers for the Service's ingress addresses on each.
 *
 * Guarantee: `status.loadBalancer.ingress` lists the InternalIP of each node that may take traffic, for a Service that
 * asks for a load balancer, and nothing for others.
 * Source: cloud-provider `controllers/service/controller.go` (needsCleanup, nodeConditionPredicates).
 */
import { isDeepStrictEqual } from 'node:util'
import type { Node, Service, Stored } from '#kit/api/objects.ts'
import type { Action, Decision, EventNote } from '#kit/contracts/controllers.ts'

/** On a node that must not receive traffic from load balancers. */
export const EXCLUDE_NODE = 'node.kubernetes.io/exclude-from-external-load-balancers'

export interface LoadBalancerWorld {
  readonly service: Stored<Service>
  readonly nodes: readonly Stored<Node>[]
}

/**
 * The addresses that a load balancer over these nodes has: the InternalIPs, sorted, of the nodes that are Ready, are
 * not being deleted and do not carry the label `EXCLUDE_NODE` (whatever its value).
 *
 * @lab 4.9 Choose the nodes that take traffic
 */
export function ingressAddresses(nodes: readonly Stored<Node>[]): string[] {
  const taking = nodes.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      metadata.labels?.[EXCLUDE_NODE] === undefined &&
      status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  )
  const addresses = taking.flatMap(({ status }) => status?.addresses ?? [])
  return addresses
    .filter(({ type }) => type === 'InternalIP')
    .map(({ address }) => address)
    .sort()
}

/**
 * Writes the Service's status when its ingress is not as it should be: one entry `{ ip, ipMode: 'VIP' }` per ingress
 * address for type LoadBalancer; none for other types, and none for a Service with a `loadBalancerClass`, which another
 * controller serves. A Service that is being deleted is left alone. Notes: `ensuring` before and `ensured` after giving
 * the first addresses, `deleting` and `deleted` around taking the last away.
 *
 * @lab 4.9 Give a Service its load balancer, or take it away
 */
export function reconcileLoadBalancer({ service, nodes }: LoadBalancerWorld): Decision {
  const { spec, status, metadata } = service
  if (metadata.deletionTimestamp) return { actions: [] }
  const wants = spec?.type === 'LoadBalancer' && !spec.loadBalancerClass
  const before = status?.loadBalancer?.ingress ?? []
  const after = wants ? ingressAddresses(nodes).map((ip) => ({ ip, ipMode: 'VIP' })) : []
  if (isDeepStrictEqual(before, after) || (spec?.loadBalancerClass && spec.type === 'LoadBalancer'))
    return { actions: [] }

  const update: Action = {
    do: 'update',
    resource: 'services',
    subresource: 'status',
    object: { ...service, status: { ...status, loadBalancer: after.length > 0 ? { ingress: after } : {} } } as Service,
  }
  if (before.length === 0) return { actions: [note(service, 'ensuring'), update, note(service, 'ensured')] }
  if (after.length === 0) return { actions: [note(service, 'deleting'), update, note(service, 'deleted')] }
  return { actions: [update] }
}

const WORDS: Record<'ensuring' | 'ensured' | 'deleting' | 'deleted', Pick<EventNote, 'reason' | 'message'>> = {
  ensuring: { reason: 'EnsuringLoadBalancer', message: 'Ensuring load balancer' },
  ensured: { reason: 'EnsuredLoadBalancer', message: 'Ensured load balancer' },
  deleting: { reason: 'DeletingLoadBalancer', message: 'Deleting load balancer' },
  deleted: { reason: 'DeletedLoadBalancer', message: 'Deleted load balancer' },
}

/** What `kubectl describe service` shows. Given. */
export function note(service: Stored<Service>, happening: keyof typeof WORDS): Action {
  return { do: 'note', note: { about: service, type: 'Normal', ...WORDS[happening] } }
}
