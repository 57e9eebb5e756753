/**
 * What kube-proxy's decisions are made from, as plain data: Services and endpoints, already reduced to what matters for rules.
 *
 * Source: kubernetes `pkg/proxy/serviceport.go` (ServicePort) and `pkg/proxy/endpoint.go` (Endpoint).
 */

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

/**
 * Identity of one port of one Service: "namespace/name:port", or "namespace/name" when the port has no name.
 * Port names are unique within a Service, so this is a key. Upstream: `proxy.ServicePortName.String()`.
 */
export type ServicePortName = string

/** One port of one Service: the unit that rules are made for. */
export interface ServicePortInfo {
  readonly name: ServicePortName
  readonly clusterIP: string
  /** The Service's port; the endpoints have their own. */
  readonly port: number
  readonly protocol: Protocol
  /** 0: none. */
  readonly nodePort: number
  readonly externalIPs: readonly string[]
  /** Addresses of a load balancer that leaves the destination address as it is, so that it arrives at the node. */
  readonly loadBalancerIPs: readonly string[]
  /** Who may use the load balancer, as CIDRs. Empty: everybody. */
  readonly sourceRanges: readonly string[]
  /** The load balancer asks this port of the node whether it has local endpoints. 0: none. */
  readonly healthCheckNodePort: number
  /** How long a client stays with its endpoint. 0: no affinity. */
  readonly affinitySeconds: number
  /** `externalTrafficPolicy: Local`: traffic from outside stays on the node that it reached. */
  readonly externalPolicyLocal: boolean
  /** `internalTrafficPolicy: Local`: so does traffic from pods to the cluster IP. */
  readonly internalPolicyLocal: boolean
}

/** One address that a Service port may send traffic to. */
export interface EndpointInfo {
  readonly ip: string
  readonly port: number
  readonly ready: boolean
  /** Still answers, though it may be on its way out. */
  readonly serving: boolean
  readonly terminating: boolean
  /** On the node that these rules are for. */
  readonly isLocal: boolean
}

/** Ordered by "ip:port", without duplicates. */
export type EndpointsByServicePort = Readonly<Record<ServicePortName, readonly EndpointInfo[]>>

/** Which endpoints take part, once readiness and traffic policies have been applied. */
export interface ChosenEndpoints {
  /** For traffic that any endpoint of the cluster may answer. */
  readonly cluster: readonly EndpointInfo[]
  /** For traffic that must stay on this node. */
  readonly local: readonly EndpointInfo[]
  /** All of both: the endpoints that this node needs a chain for. */
  readonly reachable: readonly EndpointInfo[]
  /** Whether any node of the cluster has an endpoint: decides between "refused" and "silently dropped". */
  readonly anywhere: boolean
}

/** What rules depend on besides Services and endpoints. */
export interface ProxyConfig {
  /** Addresses of all pods. Traffic from elsewhere to a cluster IP is masqueraded. */
  readonly clusterCidr: string
  /** This node's own address. */
  readonly nodeIp?: string
}
