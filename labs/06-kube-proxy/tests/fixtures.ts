/**
 * What the tests of this lab share: a Service port, its endpoints, and the frame around the rules under test.
 *
 * The frame is written out here, so that a step is judged by its own rules alone, and not by those of another step.
 */
import type { EndpointSlice, Service } from '#kit/api/objects.ts'
import type { EndpointInfo, ProxyConfig, ServicePortInfo } from '#kit/contracts/proxy.ts'
import { mergeRules, type Rules } from '#kit/contracts/proxy-rules.ts'
import { allWalks, type Packet, type WalkOptions } from '#kit/sim/packet-walk.ts'

export const config: ProxyConfig = { clusterCidr: '10.244.0.0/16', nodeIp: '10.244.0.11' }

export const CLIENT_POD = '10.244.1.99'
export const OUTSIDER = '198.51.100.7'
export const NODE = '10.244.0.11'
export const CLUSTER_IP = '10.96.5.1'

/** Chains of the Service port "default/a:http" over TCP, as upstream names them. */
export const SVC = 'KUBE-SVC-LJLTKEPFIKH4UD4I'
export const SVL = 'KUBE-SVL-LJLTKEPFIKH4UD4I'
export const EXT = 'KUBE-EXT-LJLTKEPFIKH4UD4I'
export const FW = 'KUBE-FW-LJLTKEPFIKH4UD4I'
/** Chains of its endpoints. */
export const SEP: Readonly<Record<string, string>> = {
  '10.244.1.5': 'KUBE-SEP-YNR2CLT4YTCOBCLT',
  '10.244.1.6': 'KUBE-SEP-FXK3SQRHXTJMIMLC',
  '10.244.2.7': 'KUBE-SEP-W6LTDVYS756V32RZ',
}

/** "default/a:http", 10.96.5.1:80 over TCP, reachable only from inside. */
export function servicePort(different: Partial<ServicePortInfo> = {}): ServicePortInfo {
  return {
    name: 'default/a:http',
    clusterIP: CLUSTER_IP,
    port: 80,
    protocol: 'TCP',
    nodePort: 0,
    externalIPs: [],
    loadBalancerIPs: [],
    sourceRanges: [],
    healthCheckNodePort: 0,
    affinitySeconds: 0,
    externalPolicyLocal: false,
    internalPolicyLocal: false,
    ...different,
  }
}

/** Ready; on this node (node-1) if its address is in 10.244.1.0/24. */
export function endpoint(ip: string, different: Partial<EndpointInfo> = {}): EndpointInfo {
  const isLocal = ip.startsWith('10.244.1.')
  return { ip, port: 8080, ready: true, serving: true, terminating: false, isLocal, ...different }
}

export const TWO = [endpoint('10.244.1.5'), endpoint('10.244.2.7')]
export const THREE = [endpoint('10.244.1.5'), endpoint('10.244.1.6'), endpoint('10.244.2.7')]

/** The hooks and chains that are always there; then the rules under test; node ports last. */
export function frame(...fragments: readonly Partial<Rules>[]): Rules {
  return mergeRules(
    {
      nat: {
        PREROUTING: ['-j KUBE-SERVICES'],
        OUTPUT: ['-j KUBE-SERVICES'],
        POSTROUTING: ['-j KUBE-POSTROUTING'],
        'KUBE-MARK-MASQ': [],
        'KUBE-POSTROUTING': [],
        'KUBE-SERVICES': [],
        'KUBE-NODEPORTS': [],
      },
      filter: {
        INPUT: ['-j KUBE-PROXY-FIREWALL', '-j KUBE-EXTERNAL-SERVICES'],
        FORWARD: ['-j KUBE-PROXY-FIREWALL', '-j KUBE-SERVICES', '-j KUBE-EXTERNAL-SERVICES'],
        OUTPUT: ['-j KUBE-PROXY-FIREWALL', '-j KUBE-SERVICES'],
        'KUBE-SERVICES': [],
        'KUBE-EXTERNAL-SERVICES': [],
        'KUBE-PROXY-FIREWALL': [],
      },
    },
    ...fragments,
    { nat: { 'KUBE-SERVICES': ['-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS'] } },
  )
}

/** Masquerading, for steps that only have to ask for it. */
export const masquerading: Partial<Rules> = {
  nat: {
    'KUBE-MARK-MASQ': ['-j MARK --or-mark 0x4000'],
    'KUBE-POSTROUTING': ['-m mark --mark 0x4000/0x4000 -j MASQUERADE'],
  },
}

/** A stand-in for a chain that another step fills: leads everything to one address. */
export function leadsTo(chain: string, ip: string, port = 8080): Partial<Rules> {
  return { nat: { [chain]: [`-p tcp -j DNAT --to-destination ${ip}:${port}`] } }
}

/** A TCP packet from a pod to the cluster IP, unless said otherwise. */
export function packet(different: Partial<Packet> = {}): Packet {
  return { source: CLIENT_POD, destination: CLUSTER_IP, protocol: 'tcp', port: 80, ...different }
}

/** Where packets end up, and how many of a thousand: `{ '10.244.1.5:8080': 500, … }`; "rejected" and "dropped" are ends too. */
export function destinations(rules: Rules, sent: Packet, options?: WalkOptions): Record<string, number> {
  const shares: Record<string, number> = {}
  for (const { outcome, destination, port, probability } of allWalks(rules, sent, options)) {
    const end = outcome === 'forwarded' || outcome === 'delivered' ? `${destination}:${port}` : outcome
    shares[end] = (shares[end] ?? 0) + probability
  }
  return Object.fromEntries(Object.entries(shares).map(([end, share]) => [end, Math.round(share * 1000)]))
}

/** A Service object as the API server returns it. */
export function serviceObject(spec: Service['spec'], status?: Service['status']): Service {
  return {
    metadata: { namespace: 'default', name: 'a' },
    spec: { clusterIP: CLUSTER_IP, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
    ...(status && { status }),
  }
}

/** An EndpointSlice of Service "a" with one port, "http" 8080. */
export function sliceObject(
  name: string,
  endpoints: EndpointSlice['endpoints'],
  different: Partial<EndpointSlice> = {},
) {
  return {
    metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': 'a' } },
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    ...different,
  } satisfies EndpointSlice
}
