/**
 * The heart of kube-proxy: a cluster IP that no machine has becomes the address of one of the endpoints.
 *
 *   KUBE-SERVICES ── is it for this Service? ──► KUBE-SVC-… ── roll the dice ──► KUBE-SEP-… ── rewrite the destination
 *
 * Only the first packet of a connection walks through these rules. The kernel remembers the answer (connection tracking), sends
 * the rest of the connection to the same endpoint, and puts the cluster IP back into the replies.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go` (syncProxyRules, writeServiceToEndpointRules).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { EndpointInfo, ProxyConfig, ServicePortInfo } from '#kit/contracts/proxy.ts'
import type { Rules } from '#kit/contracts/proxy-rules.ts'

/**
 * Leads traffic for the cluster IP into `chain`, which will pick an endpoint.
 *
 * - In `KUBE-SERVICES`: traffic to the cluster IP and port jumps to `chain`. Comment: "<name> cluster IP".
 * - First in `chain` itself: such traffic whose source is *not* in `config.clusterCidr` is marked for masquerading
 *   (`KUBE-MARK-MASQ`). It comes from a node or from outside, and the endpoint's reply must come back this way.
 *
 * @lab 6.2 Capture the cluster IP
 */
export function clusterIPRules(service: ServicePortInfo, chain: string, config: ProxyConfig): Partial<Rules> {
  throw new NotImplemented('6.2', 'clusterIPRules', 'Capture the cluster IP', 'labs/06-kube-proxy/src/cluster-ip.ts')
}

/**
 * Fills `chain` so that each endpoint gets the same share of the connections: one rule for each, in the order given, that jumps
 * to the endpoint's own chain. Comment: "<name> -> <ip>:<port>".
 *
 * A rule is only asked when all before it said no, so the chances cannot all be the same. The last endpoint's rule must not ask
 * at all: a connection that falls through the chain goes nowhere.
 *
 * @lab 6.2 Share connections fairly
 */
export function balancingRules(
  service: ServicePortInfo,
  chain: string,
  endpoints: readonly EndpointInfo[],
): Partial<Rules> {
  throw new NotImplemented('6.2', 'balancingRules', 'Share connections fairly', 'labs/06-kube-proxy/src/cluster-ip.ts')
}

/**
 * The chain of one endpoint (its name is `endpointChain(service, endpoint)`), with two rules. Comment of both: the Service
 * port's name.
 *
 * 1. Traffic that comes *from* the endpoint's own address is marked for masquerading. It is a pod that asked its own Service
 *    and was sent back to itself: with its own address as source, it would answer itself directly, and never see the reply
 *    that it waits for.
 * 2. Traffic of the Service's protocol gets a new destination: `DNAT --to-destination <ip>:<port>`. `memory` is put before
 *    the module's name (`-m tcp`): it is empty, or a match that remembers the client (step 6.4).
 *
 * @lab 6.2 Send to one endpoint
 */
export function endpointRules(service: ServicePortInfo, endpoint: EndpointInfo, memory = ''): Partial<Rules> {
  throw new NotImplemented('6.2', 'endpointRules', 'Send to one endpoint', 'labs/06-kube-proxy/src/cluster-ip.ts')
}

/**
 * Masquerading in two halves, because the decision falls before routing and the deed must be done after it.
 *
 * - `KUBE-MARK-MASQ` sets the bit 0x4000 of the packet's mark, and no other: `MARK --set-xmark 0x4000/0x4000`.
 * - `KUBE-POSTROUTING` lets packets without that bit go (`RETURN`), clears the bit of the others (so that they cannot be
 *   masqueraded a second time, when they pass another stack), and replaces their source by the node's own address:
 *   `MASQUERADE --random-fully`. Comment of the last: "kubernetes service traffic requiring SNAT".
 *
 * @lab 6.2 Mark now, masquerade later
 */
export function masqueradeRules(): Partial<Rules> {
  throw new NotImplemented(
    '6.2',
    'masqueradeRules',
    'Mark now, masquerade later',
    'labs/06-kube-proxy/src/cluster-ip.ts',
  )
}
