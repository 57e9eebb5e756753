/**
 * Services of type LoadBalancer. At a cloud provider, this is where a load balancer is ordered; here every node is one,
 * since kube-proxy answers for the Service's ingress addresses on each.
 *
 * Guarantee: `status.loadBalancer.ingress` lists the InternalIP of each node that may take traffic, for a Service that
 * asks for a load balancer, and nothing for others.
 * Source: cloud-provider `controllers/service/controller.go` (needsCleanup, nodeConditionPredicates).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
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
  throw new NotImplemented(
    '4.9',
    'ingressAddresses',
    'Choose the nodes that take traffic',
    'labs/04-controllers/src/cloud/load-balancer.ts',
  )
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
  throw new NotImplemented(
    '4.9',
    'reconcileLoadBalancer',
    'Give a Service its load balancer, or take it away',
    'labs/04-controllers/src/cloud/load-balancer.ts',
  )
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
