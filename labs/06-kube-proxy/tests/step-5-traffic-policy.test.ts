import { describe, expect } from 'vitest'
import { walkPacket } from '#kit/sim/packet-walk.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { buildRules } from '#proxy/rules.ts'
import { chooseEndpoints, dropRules, localPolicyRules } from '#proxy/traffic-policy.ts'
import {
  CLUSTER_IP,
  config,
  destinations,
  EXT,
  endpoint,
  frame,
  leadsTo,
  masquerading,
  NODE,
  OUTSIDER,
  packet,
  SVC,
  SVL,
  servicePort,
  TWO,
} from './fixtures.ts'

const source = 'pkg/proxy/iptables/proxier.go'
const topology = 'pkg/proxy/topology.go (CategorizeEndpoints)'
const [here, there] = [endpoint('10.244.1.5'), endpoint('10.244.2.7')]
const external = servicePort({ nodePort: 30080, externalPolicyLocal: true })
const internal = servicePort({ internalPolicyLocal: true })
const fromOutside = packet({ source: OUTSIDER, destination: NODE, port: 30080 })

describe('choosing endpoints', () => {
  lesson(
    'an external policy Local needs both: the endpoints of this node, and all',
    {
      scenario: 'One endpoint is on this node, one on another. Outside traffic stays, pod traffic may go anywhere.',
      rule: 'Local endpoints are for traffic from outside; traffic from pods still has all of them.',
      source: topology,
    },
    () => {
      expect(chooseEndpoints(external, TWO)).toEqual({ cluster: TWO, local: [here], reachable: TWO, anywhere: true })
    },
  )

  lesson(
    'an internal policy Local needs the endpoints of this node only',
    {
      scenario: 'A Service that is reachable only from inside keeps its traffic on the node.',
      rule: 'Nothing may go to other nodes, so no chain is made for their endpoints.',
      source: topology,
    },
    () => {
      expect(chooseEndpoints(internal, TWO)).toEqual({ cluster: [], local: [here], reachable: [here], anywhere: true })
    },
  )

  lesson(
    'without a Local policy, local endpoints are nothing special',
    {
      scenario: 'Both policies are Cluster.',
      rule: 'Where an endpoint is makes no difference then.',
      source: topology,
    },
    () => {
      expect(chooseEndpoints(servicePort({ nodePort: 30080 }), TWO)).toEqual({
        cluster: TWO,
        local: [],
        reachable: TWO,
        anywhere: true,
      })
    },
  )

  lesson(
    'each node falls back to terminating endpoints by itself',
    {
      scenario: 'The only endpoint of this node is terminating and still serves; another node has a ready one.',
      rule: 'Traffic that must stay here has only that one; all other traffic goes to the ready one.',
      source: 'KEP-1669',
    },
    () => {
      const draining = endpoint('10.244.1.5', { ready: false, terminating: true })
      expect(chooseEndpoints(external, [draining, there])).toEqual({
        cluster: [there],
        local: [draining],
        reachable: [draining, there],
        anywhere: true,
      })
    },
  )

  lesson(
    'no endpoint here is not the same as none anywhere',
    {
      scenario: 'First only another node has an endpoint, then nobody has.',
      rule: 'The answer is drop in one case and reject in the other, so it must be known.',
      source: topology,
    },
    () => {
      expect(chooseEndpoints(internal, [there])).toEqual({ cluster: [], local: [], reachable: [], anywhere: true })
      expect(chooseEndpoints(internal, [])).toMatchObject({ anywhere: false })
      expect(chooseEndpoints(internal, [endpoint('10.244.2.7', { ready: false })])).toMatchObject({ anywhere: false })
    },
  )
})

describe('external traffic with the policy Local', () => {
  const rules = (hasLocalEndpoints = true) =>
    frame(
      masquerading,
      { nat: { 'KUBE-SERVICES': [`-p tcp -m tcp --dport 30080 -j ${EXT}`] } },
      localPolicyRules(external, config, hasLocalEndpoints),
      leadsTo(SVC, '10.244.2.7'),
      leadsTo(SVL, '10.244.1.5'),
    )

  lesson(
    'with policy Local, an endpoint of this node gets and sees the client',
    {
      scenario: 'A client outside connects to the node port.',
      rule: 'Traffic that stays on the node needs no masquerading: the reply passes this node anyway.',
      source,
    },
    () => {
      expect(walkPacket(rules(), fromOutside)).toMatchObject({
        destination: '10.244.1.5',
        source: OUTSIDER,
        masqueraded: false,
      })
    },
  )

  lesson(
    'what pods send is no external traffic, even to an external address',
    {
      scenario: 'A pod connects to the node port.',
      rule: 'Traffic from pods goes to any endpoint, unmasqueraded, as if it had gone out and come back in.',
      source,
    },
    () => {
      const walk = walkPacket(rules(), { ...fromOutside, source: '10.244.1.99' })
      expect(walk).toMatchObject({ destination: '10.244.2.7', masqueraded: false })
    },
  )

  lesson(
    'what the node itself sends is no external traffic, but must be masqueraded',
    {
      scenario: "A process on the node, whose address is no pod's, connects to the node port.",
      rule: 'It may go to any endpoint; its source may be an address that only means something on this node.',
      source,
    },
    () => {
      const sent = { ...fromOutside, source: '192.168.7.4', from: 'node' as const }
      const walk = walkPacket(rules(), sent, { nodeAddresses: ['192.168.7.4', NODE] })
      expect(walk).toMatchObject({ destination: '10.244.2.7', masqueraded: true })
    },
  )

  lesson(
    'external traffic has nowhere to go on a node without endpoints',
    {
      scenario: 'No endpoint is on this node, so there is no KUBE-SVL chain.',
      rule: 'The packet keeps its destination; pods and the node itself are served as before.',
      source,
    },
    () => {
      expect(destinations(rules(false), fromOutside)).toEqual({ [`${NODE}:30080`]: 1000 })
      expect(destinations(rules(false), { ...fromOutside, source: '10.244.1.99' })).toEqual({ '10.244.2.7:8080': 1000 })
      const chains = Object.values(localPolicyRules(external, config, false).nat ?? {})
      expect({ 'jumps to the missing chain': chains.flat().filter((rule) => rule.includes(SVL)) }).toEqual({
        'jumps to the missing chain': [],
      })
    },
  )
})

describe('a node without endpoints of its own', () => {
  lesson(
    'a node without endpoints drops what must stay on it, silently',
    {
      scenario: 'Services with Local policies have endpoints, but none on this node.',
      rule: 'Drop, not reject: a client or load balancer that gets no answer tries another node.',
      source,
    },
    () => {
      const everyWayIn = { ...external, externalIPs: ['192.0.2.9'], loadBalancerIPs: ['203.0.113.7'] }
      const rules = frame(dropRules(everyWayIn))
      expect(destinations(rules, fromOutside)).toEqual({ dropped: 1000 })
      for (const destination of ['192.0.2.9', '203.0.113.7']) {
        expect(destinations(rules, packet({ source: OUTSIDER, destination }))).toEqual({ dropped: 1000 })
      }
      expect(destinations(frame(dropRules(internal)), packet())).toEqual({ dropped: 1000 })
    },
  )

  lesson(
    'a node without endpoints drops only what the policy is about',
    {
      scenario: 'One Service has only its external policy Local, another only its internal one.',
      rule: 'The cluster IP follows the internal policy, all external addresses follow the external one.',
      source,
    },
    () => {
      expect(destinations(frame(dropRules(external)), packet())).toEqual({ [`${CLUSTER_IP}:80`]: 1000 })
      const onlyInside = servicePort({ internalPolicyLocal: true, nodePort: 30080 })
      expect(destinations(frame(dropRules(onlyInside)), fromOutside)).toEqual({ [`${NODE}:30080`]: 1000 })
    },
  )
})

describe('all rules of a node', () => {
  const rulesFor = (service: typeof external, endpoints = TWO) =>
    buildRules([service], { [service.name]: endpoints }, config)

  lesson(
    'external traffic stays on the node that it reached, and nothing else does',
    {
      scenario: 'externalTrafficPolicy is Local; one endpoint is on this node, one on another.',
      rule: 'Outside traffic reaches only the local endpoint, traffic from pods is shared among both.',
      source: 'KEP-2086, pkg/proxy/iptables/proxier.go',
    },
    () => {
      expect({
        'from outside, one here and one there': destinations(rulesFor(external), fromOutside),
        'from a pod, one here and one there': destinations(rulesFor(external), packet()),
        'from outside, one there': destinations(rulesFor(external, [there]), fromOutside),
        'from outside, none': destinations(rulesFor(external, []), fromOutside),
      }).toEqual({
        'from outside, one here and one there': { '10.244.1.5:8080': 1000 },
        'from a pod, one here and one there': { '10.244.1.5:8080': 500, '10.244.2.7:8080': 500 },
        'from outside, one there': { dropped: 1000 },
        'from outside, none': { rejected: 1000 },
      })
    },
  )

  lesson(
    'internal traffic stays on its node',
    {
      scenario: 'internalTrafficPolicy is Local: an agent that every node has one of.',
      rule: 'Pods reach the endpoint of their own node, or none.',
      source: 'KEP-2086',
    },
    () => {
      expect({
        'one here and one there': destinations(rulesFor(internal), packet()),
        'one there': destinations(rulesFor(internal, [there]), packet()),
        none: destinations(rulesFor(internal, []), packet()),
      }).toEqual({
        'one here and one there': { '10.244.1.5:8080': 1000 },
        'one there': { dropped: 1000 },
        none: { rejected: 1000 },
      })
    },
  )
})
