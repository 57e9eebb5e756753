/**
 * A Service's defaults. Source: kubernetes `pkg/apis/core/v1/defaults.go` (SetDefaults_Service) and
 * `pkg/registry/core/service/storage/alloc.go` (IP families).
 */
import type { ApiObject, Service } from '#kit/api/objects.ts'

/** Three hours, in seconds. */
const AFFINITY_TIMEOUT_SECONDS = 10_800

/**
 * Fills in a Service: type ClusterIP, no session affinity (ClientIP affinity lasts 10,800 s), protocol TCP and a
 * `targetPort` equal to `port` for each port, `internalTrafficPolicy` Cluster.
 *
 * A Service that can be reached from outside (NodePort, LoadBalancer) gets `externalTrafficPolicy` Cluster, a LoadBalancer
 * also `allocateLoadBalancerNodePorts`. One of type ExternalName is only a DNS name: it has no affinity of traffic, and
 * neither `internalTrafficPolicy` nor IP families; all others are of one family, IPv4.
 *
 * @lab 2.4 Default a Service
 */
export function applyServiceDefaults(draft: ApiObject): void {
  const { spec } = draft as Service
  if (!spec) return
  spec.type ??= 'ClusterIP'
  spec.sessionAffinity ??= 'None'
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {}
    spec.sessionAffinityConfig.clientIP ??= {}
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= AFFINITY_TIMEOUT_SECONDS
  }
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP'
    port.targetPort ??= port.port
  }
  if (spec.type === 'ExternalName') return

  spec.internalTrafficPolicy ??= 'Cluster'
  spec.ipFamilies ??= ['IPv4']
  spec.ipFamilyPolicy ??= 'SingleStack'
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
}
