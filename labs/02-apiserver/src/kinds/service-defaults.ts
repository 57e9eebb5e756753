/**
 * A Service's defaults. Source: kubernetes `pkg/apis/core/v1/defaults.go` (SetDefaults_Service) and
 * `pkg/registry/core/service/storage/alloc.go` (IP families).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiObject, Service, ServiceSpec } from '#kit/api/objects.ts'

/** Three hours, in seconds. */
const AFFINITY_TIMEOUT_SECONDS = 10_800

export function applyServiceDefaults(draft: ApiObject): void {
  const service = draft as Service
  if (service.spec) service.spec = serviceSpecWithDefaults(service.spec)
}

/**
 * A Service's spec with its defaults: type ClusterIP, `sessionAffinity` None (ClientIP affinity lasts 10,800 s:
 * `sessionAffinityConfig.clientIP.timeoutSeconds`), protocol TCP and a `targetPort` equal to `port` for each port.
 *
 * All but those of type ExternalName, which are only DNS names, have `internalTrafficPolicy` Cluster, and are of one
 * family: `ipFamilies` IPv4, `ipFamilyPolicy` SingleStack. What can be reached from outside (NodePort, LoadBalancer) has
 * `externalTrafficPolicy` Cluster as well, and a LoadBalancer `allocateLoadBalancerNodePorts`.
 *
 * @lab 2.4 Default a Service
 */
export function serviceSpecWithDefaults(spec: ServiceSpec): ServiceSpec {
  throw new NotImplemented(
    '2.4',
    'serviceSpecWithDefaults',
    'Default a Service',
    'labs/02-apiserver/src/kinds/service-defaults.ts',
  )
}
