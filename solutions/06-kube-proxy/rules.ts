/**
 * All rules of a node, from all Services and their endpoints: where the parts of the other files come together.
 *
 * Guarantee: the result depends on nothing but the arguments, and not on their order, so that it can be compared with what is
 * there already. A Service whose rules cannot be made (a part that is not written yet) costs only that Service.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go` (syncProxyRules).
 */
import type {
  ChosenEndpoints,
  EndpointInfo,
  EndpointsByServicePort,
  ProxyConfig,
  ServicePortInfo,
} from '#kit/contracts/proxy.ts'
import { mergeRules, type Rules } from '#kit/contracts/proxy-rules.ts'
import { affinityRules, rememberClient } from './affinity.ts'
import { emptyChains, forwardRules, jumpRules, nodePortsRule } from './base-rules.ts'
import { endpointChain, serviceChain } from './chain-names.ts'
import { balancingRules, clusterIPRules, endpointRules, masqueradeRules } from './cluster-ip.ts'
import { usableEndpoints } from './endpoints.ts'
import {
  clusterPolicyRules,
  externalCaptureRules,
  firewallRules,
  isExternallyReachable,
  isFirewalled,
  rejectRules,
} from './external.ts'
import { comment } from './rule-text.ts'
import { chooseEndpoints, dropRules, localPolicyRules, usesLocalEndpoints } from './traffic-policy.ts'

type Fragment = Partial<Rules>

/** `failed` hears about Services whose rules could not be made; without it, the error is thrown. */
export function buildRules(
  services: readonly ServicePortInfo[],
  endpoints: EndpointsByServicePort,
  config: ProxyConfig,
  failed?: (service: ServicePortInfo, error: unknown) => void,
): Rules {
  const inOrder = [...services].sort((a, b) => (a.name < b.name ? -1 : 1))
  const perService = inOrder.map((service) => {
    try {
      return serviceRules(service, endpoints[service.name] ?? [], config)
    } catch (error) {
      if (!failed) throw error
      failed(service, error)
      return {}
    }
  })
  return mergeRules(jumpRules(), emptyChains(), masqueradeRules(), forwardRules(), ...perService, nodePortsRule())
}

/** Everything that one Service port adds. */
export function serviceRules(service: ServicePortInfo, endpoints: readonly EndpointInfo[], config: ProxyConfig): Rules {
  const chosen = choose(service, endpoints)
  const answered = chosen.anywhere ? answeredRules(service, chosen, config) : rejectRules(service)
  return mergeRules(answered, healthCheckRules(service))
}

function choose(service: ServicePortInfo, endpoints: readonly EndpointInfo[]): ChosenEndpoints {
  if (usesLocalEndpoints(service)) return chooseEndpoints(service, endpoints)
  const usable = usableEndpoints(endpoints)
  return { cluster: usable, local: [], reachable: usable, anywhere: usable.length > 0 }
}

function answeredRules(service: ServicePortInfo, chosen: ChosenEndpoints, config: ProxyConfig): Rules {
  const internal = service.internalPolicyLocal ? chosen.local : chosen.cluster
  const internalChain = serviceChain(service.internalPolicyLocal ? 'SVL' : 'SVC', service)
  const lacksLocal = usesLocalEndpoints(service) && chosen.local.length === 0
  return mergeRules(
    internal.length > 0 ? clusterIPRules(service, internalChain, config) : {},
    isExternallyReachable(service) && chosen.reachable.length > 0 ? externalRules(service, chosen, config) : {},
    pickingRules(service, 'SVC', chosen.cluster),
    pickingRules(service, 'SVL', chosen.local),
    ...chosen.reachable.map((endpoint) => endpointRules(service, endpoint, memoryOf(service, endpoint))),
    lacksLocal ? dropRules(service) : {},
  )
}

function externalRules(service: ServicePortInfo, chosen: ChosenEndpoints, config: ProxyConfig): Rules {
  return mergeRules(
    externalCaptureRules(service),
    service.externalPolicyLocal
      ? localPolicyRules(service, config, chosen.local.length > 0)
      : clusterPolicyRules(service),
    isFirewalled(service) ? firewallRules(service, config) : {},
  )
}

/** Known clients first, dice second. No endpoints, no chain. */
function pickingRules(service: ServicePortInfo, kind: 'SVC' | 'SVL', endpoints: readonly EndpointInfo[]): Fragment {
  if (endpoints.length === 0) return {}
  const chain = serviceChain(kind, service)
  return mergeRules(
    service.affinitySeconds > 0 ? affinityRules(service, chain, endpoints) : {},
    balancingRules(service, chain, endpoints),
  )
}

function memoryOf(service: ServicePortInfo, endpoint: EndpointInfo): string {
  return service.affinitySeconds > 0 ? rememberClient(endpointChain(service, endpoint)) : ''
}

/** The load balancer's question "have you got local endpoints?" must come through, whatever other rules say. */
function healthCheckRules({ name, healthCheckNodePort }: ServicePortInfo): Fragment {
  if (healthCheckNodePort === 0) return {}
  const about = comment(`${name} health check node port`)
  return { filter: { 'KUBE-NODEPORTS': [`-p tcp ${about} -m tcp --dport ${healthCheckNodePort} -j ACCEPT`] } }
}
