/**
 * What of a Service matters for rules: one record for each of its ports.
 *
 * Guarantee: a Service that needs no rules gives no records; everything after this file can trust every field.
 *
 * Source: kubernetes `pkg/proxy/serviceport.go`, `pkg/proxy/util/utils.go` (ShouldSkipService).
 */
import type { Service } from '#kit/api/objects.ts'
import type { Protocol, ServicePortInfo, ServicePortName } from '#kit/contracts/proxy.ts'

/** How long a client stays with its endpoint, when the Service asks for affinity but not for how long: three hours. */
export const DEFAULT_AFFINITY_SECONDS = 10_800

/** "namespace/name:port"; a port without a name has no colon either. */
export function servicePortName(namespace: string, service: string, port: string | undefined): ServicePortName {
  return port ? `${namespace}/${service}:${port}` : `${namespace}/${service}`
}

/**
 * One record for each port of the Service, in the Service's order. None for a Service that kube-proxy has nothing to do for: one
 * of type ExternalName (it is only a DNS name), or one without a cluster IP ("None" means headless: DNS gives out the pods'
 * own addresses).
 *
 * - A protocol that is not given is TCP; a node port or health check port that is not given is 0.
 * - Affinity counts only with `sessionAffinity: ClientIP`; `affinitySeconds` is then what the Service says, or the default.
 * - Load balancer addresses come from `status.loadBalancer.ingress`, as far as packets arrive at the node with them as their
 *   destination. Source ranges and addresses count only for type LoadBalancer.
 * - A traffic policy is "Cluster" unless it says "Local". The external one counts only where traffic can come from outside:
 *   types NodePort and LoadBalancer, or with external IPs.
 *
 * @lab 6.1 Reduce a Service to what rules need
 */
export function servicePortsOf(service: Service): ServicePortInfo[] {
  const { spec = {}, metadata = {}, status } = service
  const { clusterIP, type = 'ClusterIP', externalIPs = [] } = spec
  if (type === 'ExternalName' || !clusterIP || clusterIP === 'None') return []

  const isLoadBalancer = type === 'LoadBalancer'
  const ingress = isLoadBalancer ? (status?.loadBalancer?.ingress ?? []) : []
  const fromOutside = isLoadBalancer || type === 'NodePort' || externalIPs.length > 0
  const shared = {
    clusterIP,
    externalIPs,
    // With `ipMode: Proxy` the load balancer ends the connection, and its own goes to a node port. A host name is no address.
    loadBalancerIPs: ingress.flatMap(({ ip, ipMode }) => (ip && ipMode !== 'Proxy' ? [ip] : [])),
    sourceRanges: isLoadBalancer ? (spec.loadBalancerSourceRanges ?? []) : [],
    healthCheckNodePort: spec.healthCheckNodePort ?? 0,
    affinitySeconds: spec.sessionAffinity === 'ClientIP' ? affinitySecondsOf(service) : 0,
    externalPolicyLocal: fromOutside && spec.externalTrafficPolicy === 'Local',
    internalPolicyLocal: spec.internalTrafficPolicy === 'Local',
  }
  return (spec.ports ?? []).map(({ name, port, protocol = 'TCP', nodePort = 0 }) => ({
    name: servicePortName(metadata.namespace ?? 'default', metadata.name ?? '', name),
    port,
    protocol: protocol as Protocol,
    nodePort,
    ...shared,
  }))
}

function affinitySecondsOf({ spec }: Service): number {
  return spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS
}
