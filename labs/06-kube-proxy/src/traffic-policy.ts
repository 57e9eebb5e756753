/**
 * Traffic policies: "Local" keeps traffic on the node that it reached.
 *
 * From outside (`externalTrafficPolicy`) this saves a hop, and the endpoint sees the client's own address, since its reply goes
 * back through this node anyway. From pods (`internalTrafficPolicy`) it is for things that each node has one of.
 * The price: a node without an endpoint of its own drops what reaches it, even when other nodes have some.
 *
 * Source: kubernetes `pkg/proxy/topology.go` (CategorizeEndpoints), `pkg/proxy/iptables/proxier.go`, KEP-2086.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ChosenEndpoints, EndpointInfo, ProxyConfig, ServicePortInfo } from '#kit/contracts/proxy.ts'
import type { Rules } from '#kit/contracts/proxy-rules.ts'
import { isExternallyReachable } from './external.ts'

/** Whether some of the Service's traffic must stay on this node. */
export function usesLocalEndpoints(service: ServicePortInfo): boolean {
  return service.internalPolicyLocal || (service.externalPolicyLocal && isExternallyReachable(service))
}

/**
 * Whether some of the Service's traffic may go to any node. Also true with `externalTrafficPolicy: Local`, because pods that
 * use an external address are spared its policy.
 */
export function usesClusterEndpoints(service: ServicePortInfo): boolean {
  return !service.internalPolicyLocal || isExternallyReachable(service)
}

/**
 * Sorts the endpoints of a Service port out by policy.
 *
 * - `cluster`: the usable ones of all nodes (`usableEndpoints`); none if the Service has no use for them.
 * - `local`: the usable ones *among those on this node*; none if the Service has no use for them. That one on another node is
 *   ready does not spare a terminating one here: it is the only one that may answer.
 * - `reachable`: all that are in one or the other, each once, in the order given.
 * - `anywhere`: whether any endpoint of the whole cluster is usable, whatever the policies say.
 *
 * @lab 6.5 Choose endpoints by policy
 */
export function chooseEndpoints(service: ServicePortInfo, endpoints: readonly EndpointInfo[]): ChosenEndpoints {
  throw new NotImplemented(
    '6.5',
    'chooseEndpoints',
    'Choose endpoints by policy',
    'labs/06-kube-proxy/src/traffic-policy.ts',
  )
}

/**
 * The `KUBE-EXT-…` chain of a Service with `externalTrafficPolicy: Local`. In this order:
 *
 * 1. Traffic from pods (`config.clusterCidr`) goes to `KUBE-SVC-…`: it never was outside. Comment: "pod traffic for <name>
 *    external destinations".
 * 2. Traffic from the node itself (`-m addrtype --src-type LOCAL`) is marked for masquerading, and
 * 3. goes to `KUBE-SVC-…` too. Comments: "masquerade LOCAL traffic for …" and "route LOCAL traffic for <name> external
 *    destinations".
 * 4. Everything else goes to `KUBE-SVL-…`, unmarked, so that the endpoint sees who asks. Without an endpoint on this node
 *    (`hasLocalEndpoints`) there is no such chain, and no such rule: the packet keeps its destination, and is dropped.
 *
 * @lab 6.5 Keep traffic from outside on its node
 */
export function localPolicyRules(
  service: ServicePortInfo,
  config: ProxyConfig,
  hasLocalEndpoints: boolean,
): Partial<Rules> {
  throw new NotImplemented(
    '6.5',
    'localPolicyRules',
    'Keep traffic from outside on its node',
    'labs/06-kube-proxy/src/traffic-policy.ts',
  )
}

/**
 * Drops traffic that a policy keeps on this node, when the node has no endpoint for it. Silently (`DROP`), since other nodes
 * do have some: a client, or a load balancer, that gets no answer tries another node, and one that is refused gives up.
 * All in table `filter`, comment "<name> has no local endpoints":
 *
 * - with `internalPolicyLocal`, the cluster IP: in `KUBE-SERVICES`
 * - with `externalPolicyLocal`, all external destinations (`externalDestinations`): in `KUBE-EXTERNAL-SERVICES`
 *
 * @lab 6.5 Drop what this node cannot answer
 */
export function dropRules(service: ServicePortInfo): Partial<Rules> {
  throw new NotImplemented(
    '6.5',
    'dropRules',
    'Drop what this node cannot answer',
    'labs/06-kube-proxy/src/traffic-policy.ts',
  )
}
