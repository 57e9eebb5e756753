/**
 * The ways in from outside: node ports, external IPs and load balancers' addresses. All of them meet in one chain per Service
 * port, `KUBE-EXT-…`, which decides what happens to traffic from outside, and hands over to the chain that picks an endpoint.
 *
 * And the way out for traffic that nobody can answer: it is refused at once, so that clients need not wait for a timeout.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go` (syncProxyRules).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ProxyConfig, ServicePortInfo } from '#kit/contracts/proxy.ts'
import type { Rules } from '#kit/contracts/proxy-rules.ts'
import { comment, toAddress } from './rule-text.ts'

/** Whether any traffic from outside the cluster can arrive for this Service port. */
export function isExternallyReachable(service: ServicePortInfo): boolean {
  return service.nodePort !== 0 || service.externalIPs.length > 0 || service.loadBalancerIPs.length > 0
}

/** Whether the load balancer's addresses are behind a `KUBE-FW-…` chain. */
export function isFirewalled(service: ServicePortInfo): boolean {
  return service.loadBalancerIPs.length > 0 && service.sourceRanges.length > 0
}

/**
 * Leads traffic from outside into the Service's `KUBE-EXT-…` chain:
 *
 * - In `KUBE-SERVICES`, for each external IP (comment "<name> external IP") and for each load balancer address (comment
 *   "<name> loadbalancer IP"): traffic to that address and the Service's port. Where the Service is firewalled
 *   (`isFirewalled`), the load balancer's addresses lead into its `KUBE-FW-…` chain instead.
 * - In `KUBE-NODEPORTS`: traffic to the node port, whatever the address. (Only traffic for addresses of the node itself ever
 *   comes to this chain.) Comment: the Service port's name.
 *
 * @lab 6.3 Capture traffic from outside
 */
export function externalCaptureRules(service: ServicePortInfo): Partial<Rules> {
  throw new NotImplemented(
    '6.3',
    'externalCaptureRules',
    'Capture traffic from outside',
    'labs/06-kube-proxy/src/external.ts',
  )
}

/**
 * The `KUBE-EXT-…` chain of a Service with `externalTrafficPolicy: Cluster`: everything is marked for masquerading (comment
 * "masquerade traffic for <name> external destinations"), then goes to `KUBE-SVC-…`.
 *
 * The endpoint may be on another node. If it saw the client's address, it would reply past this node, and the client would
 * get an answer from an address that it never asked.
 *
 * @lab 6.3 Send traffic from outside to any endpoint
 */
export function clusterPolicyRules(service: ServicePortInfo): Partial<Rules> {
  throw new NotImplemented(
    '6.3',
    'clusterPolicyRules',
    'Send traffic from outside to any endpoint',
    'labs/06-kube-proxy/src/external.ts',
  )
}

/**
 * Lets only clients in `service.sourceRanges` use the load balancer's addresses. Table `nat` cannot drop, so this takes two
 * places:
 *
 * - In `nat`, the chain `KUBE-FW-…`: from each range on to `KUBE-EXT-…` (comment "<name> loadbalancer IP"). The node itself
 *   reaches a load balancer's address from that same address: if `config.nodeIp` is in one of the ranges (`isInCidr`), traffic
 *   whose source is a load balancer's address goes on too. Who comes to the end keeps the destination as it was. (Upstream ends
 *   the chain with a rule without a target, only a comment: "other traffic to <name> will be dropped by KUBE-PROXY-FIREWALL".)
 * - In `filter`, the chain `KUBE-PROXY-FIREWALL`: what *still* goes to such an address and the Service's port is dropped.
 *   Comment: "<name> traffic not accepted by <the KUBE-FW chain>".
 *
 * @lab 6.3 Admit only some clients
 */
export function firewallRules(service: ServicePortInfo, config: ProxyConfig): Partial<Rules> {
  throw new NotImplemented('6.3', 'firewallRules', 'Admit only some clients', 'labs/06-kube-proxy/src/external.ts')
}

/**
 * Refuses traffic to a Service port that has no endpoint anywhere, with `REJECT --reject-with icmp-port-unreachable`: the
 * client learns it at once. All in table `filter`, comment "<name> has no endpoints":
 *
 * - cluster IP: in `KUBE-SERVICES`
 * - external IPs and load balancer addresses: in `KUBE-EXTERNAL-SERVICES`
 * - node port, only for addresses of the node itself (`-m addrtype --dst-type LOCAL`): in `KUBE-EXTERNAL-SERVICES`
 *
 * @lab 6.3 Refuse what nobody can answer
 */
export function rejectRules(service: ServicePortInfo): Partial<Rules> {
  throw new NotImplemented('6.3', 'rejectRules', 'Refuse what nobody can answer', 'labs/06-kube-proxy/src/external.ts')
}

/** What each destination that is reachable from outside looks like to table `filter`. */
export function externalDestinations(service: ServicePortInfo, about: string): string[] {
  const { externalIPs, loadBalancerIPs, nodePort } = service
  const destinations = [...externalIPs, ...loadBalancerIPs].map((ip) => toAddress(ip, service, about))
  if (nodePort === 0) return destinations
  const protocol = service.protocol.toLowerCase()
  const local = `-p ${protocol} ${comment(about)} -m addrtype --dst-type LOCAL -m ${protocol} --dport ${nodePort}`
  return [...destinations, local]
}

/** Whether an IPv4 address is in a range such as "192.0.2.0/24". */
export function isInCidr(address: string, cidr: string): boolean {
  const [network = '', length = '32'] = cidr.split('/')
  const toNumber = (text: string) => text.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
  const shift = 2 ** (32 - Number(length))
  return Math.floor(toNumber(address) / shift) === Math.floor(toNumber(network) / shift)
}
