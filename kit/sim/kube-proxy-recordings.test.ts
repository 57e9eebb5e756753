/**
 * Rule for rule against what kube-proxy 1.32 wrote in 25 situations. Skips where the recordings are not at hand.
 *
 * Two differences are known and wanted: upstream counts some packets with `nfacct` where the kernel offers it, and has a chain
 * to notice that somebody flushed everything (we read the rules again instead).
 */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { EndpointSlice, Service } from '#kit/api/objects.ts'
import type { ServicePortInfo } from '#kit/contracts/proxy.ts'
import { BUILT_IN_CHAINS, type Chains, parseIptablesSave } from '#kit/contracts/proxy-rules.ts'
import { endpointsByServicePort } from '#proxy/endpoints.ts'
import { buildRules } from '#proxy/rules.ts'
import { servicePortsOf } from '#proxy/service-ports.ts'

interface Situation {
  readonly objects: readonly (Service | EndpointSlice)[]
  readonly rules: string
}

const recordings = new URL('../../../shared/upstream/kube-proxy/iptables.json', import.meta.url)
const situations: [string, Situation][] = existsSync(recordings)
  ? Object.entries(JSON.parse(readFileSync(recordings, 'utf8')) as Record<string, Situation>)
  : []

/** Was there in every situation, without an endpoint. */
const apiServer: ServicePortInfo = {
  name: 'default/kubernetes:https',
  clusterIP: '10.96.0.1',
  port: 443,
  protocol: 'TCP',
  nodePort: 0,
  externalIPs: [],
  loadBalancerIPs: [],
  sourceRanges: [],
  healthCheckNodePort: 0,
  affinitySeconds: 0,
  externalPolicyLocal: false,
  internalPolicyLocal: false,
}

describe.skipIf(situations.length === 0)('the rules of kube-proxy 1.32', () => {
  it.each(situations)('%s', (_, { objects, rules }) => {
    const services = objects.filter((object): object is Service => object.kind === 'Service').filter(isOurs)
    const slices = objects.filter((object): object is EndpointSlice => object.kind === 'EndpointSlice')
    const ports = [apiServer, ...services.flatMap(servicePortsOf)]
    const config = { clusterCidr: '10.244.0.0/16', nodeIp: '10.0.0.5' }
    const ours = buildRules(ports, endpointsByServicePort(slices, 'n1'), config)
    const theirs = parseIptablesSave(rules)
    expect(comparable(ours.nat)).toEqual(comparable(theirs.nat))
    expect(comparable(ours.filter)).toEqual(comparable(theirs.filter))
  })
})

function isOurs({ metadata }: Service): boolean {
  return metadata?.labels?.['service.kubernetes.io/service-proxy-name'] === undefined
}

function comparable(chains: Chains): Chains {
  const known = Object.entries(chains).filter(
    ([chain, rules]) => chain !== 'KUBE-PROXY-CANARY' && !(BUILT_IN_CHAINS.includes(chain) && rules.length === 0),
  )
  return Object.fromEntries(
    known.map(([chain, rules]) => [chain, inKnownOrder(chain, rules.filter(counts).map(plain))]),
  )
}

/** Services come in any order in the chain that all of them share; only its last rule must be the last. */
function inKnownOrder(chain: string, rules: readonly string[]): readonly string[] {
  if (chain !== 'KUBE-SERVICES') return rules
  const last = rules.at(-1)?.includes('KUBE-NODEPORTS') ? rules.slice(-1) : []
  return [...rules.slice(0, rules.length - last.length).sort(), ...last]
}

const counts = (rule: string) => !rule.includes('localhost_nps_accepted_pkts')
const plain = (rule: string) => rule.replace(/-m nfacct --nfacct-name +\S+ /, '')
