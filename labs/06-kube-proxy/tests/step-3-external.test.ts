import { describe, expect } from 'vitest'
import { walkPacket } from '#kit/sim/packet-walk.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { clusterPolicyRules, externalCaptureRules, firewallRules, rejectRules } from '#proxy/external.ts'
import { buildRules } from '#proxy/rules.ts'
import {
  CLUSTER_IP,
  config,
  destinations,
  EXT,
  FW,
  frame,
  leadsTo,
  masquerading,
  NODE,
  OUTSIDER,
  packet,
  SVC,
  servicePort,
  TWO,
} from './fixtures.ts'

const source = 'pkg/proxy/iptables/proxier.go'
const LOAD_BALANCER = '203.0.113.7'
const EXTERNAL = '192.0.2.9'
const everyWayIn = servicePort({ nodePort: 30080, externalIPs: [EXTERNAL], loadBalancerIPs: [LOAD_BALANCER] })
const fromOutside = (destination: string, port: number) => packet({ source: OUTSIDER, destination, port })

describe('capturing traffic from outside', () => {
  const rules = () => frame(masquerading, externalCaptureRules(everyWayIn), leadsTo(EXT, '10.244.1.5'))

  lesson(
    'node port, external IP and load balancer address all lead to the Service',
    {
      scenario:
        'Clients outside connect to the node port of the node, to an external IP and to a load balancer address.',
      rule: 'All ways in lead to the one KUBE-EXT chain of the Service port.',
      source,
    },
    () => {
      const arrived = { '10.244.1.5:8080': 1000 }
      expect({
        'by the node port': destinations(rules(), fromOutside(NODE, 30080)),
        'by the external IP': destinations(rules(), fromOutside(EXTERNAL, 80)),
        'by the load balancer': destinations(rules(), fromOutside(LOAD_BALANCER, 80)),
      }).toEqual({ 'by the node port': arrived, 'by the external IP': arrived, 'by the load balancer': arrived })
    },
  )

  lesson(
    'nothing else is captured from outside',
    {
      scenario: 'Packets to the node port at a foreign address, to the Service port of the node, and over UDP.',
      rule: "A node port belongs to the node's own addresses; external addresses belong to the Service's port.",
      source,
    },
    () => {
      expect(destinations(rules(), fromOutside('10.244.2.7', 30080))).toEqual({ '10.244.2.7:30080': 1000 })
      expect(destinations(rules(), fromOutside(NODE, 80))).toEqual({ [`${NODE}:80`]: 1000 })
      expect(destinations(rules(), fromOutside(EXTERNAL, 30080))).toEqual({ [`${EXTERNAL}:30080`]: 1000 })
      const udp = { ...fromOutside(NODE, 30080), protocol: 'udp' as const }
      expect(destinations(rules(), udp)).toEqual({ [`${NODE}:30080`]: 1000 })
    },
  )

  lesson(
    'there is no rule for a node port that does not exist',
    {
      scenario: 'A Service has an external IP and no node port.',
      rule: 'Node port 0 means none.',
      source,
    },
    () => {
      const nat = externalCaptureRules(servicePort({ externalIPs: [EXTERNAL] })).nat ?? {}
      const count = (chain: string) => nat[chain]?.length ?? 0
      expect({
        'rules in KUBE-NODEPORTS': count('KUBE-NODEPORTS'),
        'rules in KUBE-SERVICES': count('KUBE-SERVICES'),
      }).toEqual({ 'rules in KUBE-NODEPORTS': 0, 'rules in KUBE-SERVICES': 1 })
    },
  )
})

describe('external traffic with the policy Cluster', () => {
  lesson(
    'external traffic is masqueraded, then goes to any endpoint',
    {
      scenario: 'A client outside reaches the KUBE-EXT chain. The endpoint that is picked may be on another node.',
      rule: "The endpoint must reply through this node, so it must see this node's address.",
      source,
    },
    () => {
      const enter = { nat: { 'KUBE-SERVICES': [`-j ${EXT}`] } }
      const rules = frame(masquerading, enter, clusterPolicyRules(everyWayIn), leadsTo(SVC, '10.244.2.7'))
      expect(walkPacket(rules, fromOutside(NODE, 30080))).toMatchObject({
        destination: '10.244.2.7',
        masqueraded: true,
        source: NODE,
      })
    },
  )
})

describe('source ranges', () => {
  const guarded = servicePort({
    nodePort: 30080,
    loadBalancerIPs: [LOAD_BALANCER],
    sourceRanges: ['198.51.100.0/24', '192.0.2.0/25'],
  })
  const rules = (service = guarded) =>
    frame(masquerading, externalCaptureRules(service), firewallRules(service, config), leadsTo(EXT, '10.244.1.5'))
  const from = (source: string) => packet({ source, destination: LOAD_BALANCER })

  lesson(
    'source ranges admit clients in any of them, and drop the others',
    {
      scenario:
        'Two ranges are allowed. Clients in the first, in the second and in none connect to the load balancer address.',
      rule: "KUBE-FW passes allowed clients on; whose destination is still the load balancer's is dropped in table filter.",
      source,
    },
    () => {
      const expected = {
        'from 198.51.100.7': { '10.244.1.5:8080': 1000 },
        'from 192.0.2.127': { '10.244.1.5:8080': 1000 },
        'from 192.0.2.128': { dropped: 1000 },
        'from 10.244.1.99': { dropped: 1000 },
      }
      const answers = Object.keys(expected).map((client) => [client, destinations(rules(), from(client.slice(5)))])
      expect(Object.fromEntries(answers)).toEqual(expected)
    },
  )

  lesson(
    "source ranges are for the load balancer's addresses only",
    {
      scenario: 'A client outside all ranges uses the node port.',
      rule: "Node ports are not subject to loadBalancerSourceRanges; another port of the address is nobody's business.",
      source,
    },
    () => {
      expect(destinations(rules(), { ...from('192.0.2.200'), destination: NODE, port: 30080 })).toEqual({
        '10.244.1.5:8080': 1000,
      })
      expect(destinations(rules(), { ...from('192.0.2.200'), port: 81 })).toEqual({ [`${LOAD_BALANCER}:81`]: 1000 })
    },
  )

  lesson(
    'source ranges that hold the node admit the node',
    {
      scenario:
        'The node is in one of the ranges, and another time in none. It connects to the load balancer address, with that address as source.',
      rule: "If the node may pass, so may a packet whose source is the load balancer's address; otherwise not.",
      source,
    },
    () => {
      const behind = (service: typeof guarded) =>
        frame(
          masquerading,
          { nat: { 'KUBE-SERVICES': [`-d ${LOAD_BALANCER}/32 -j ${FW}`] } },
          firewallRules(service, config),
          leadsTo(EXT, '10.244.1.5'),
        )
      const withNode = servicePort({ loadBalancerIPs: [LOAD_BALANCER], sourceRanges: ['10.244.0.0/24'] })
      expect({
        'node in the ranges': destinations(behind(withNode), from(LOAD_BALANCER)),
        'node outside of them': destinations(behind(guarded), from(LOAD_BALANCER)),
      }).toEqual({ 'node in the ranges': { '10.244.1.5:8080': 1000 }, 'node outside of them': { dropped: 1000 } })
    },
  )
})

describe('a Service without endpoints', () => {
  const rules = () => frame(masquerading, rejectRules(everyWayIn))

  lesson(
    'a Service without endpoints refuses at once, whichever way one comes',
    {
      scenario: 'No pod answers for the Service. Clients inside and outside connect to all of its addresses.',
      rule: 'A connection that nobody can answer is rejected; a client that gets no answer would wait for its timeout.',
      source,
    },
    () => {
      const rejected = { rejected: 1000 }
      expect({
        'a pod, the cluster IP': destinations(rules(), packet()),
        'the node, the cluster IP': destinations(rules(), packet({ from: 'node', source: NODE })),
        'outside, the node port': destinations(rules(), fromOutside(NODE, 30080)),
        'outside, the external IP': destinations(rules(), fromOutside(EXTERNAL, 80)),
        'outside, the load balancer': destinations(rules(), fromOutside(LOAD_BALANCER, 80)),
      }).toEqual({
        'a pod, the cluster IP': rejected,
        'the node, the cluster IP': rejected,
        'outside, the node port': rejected,
        'outside, the external IP': rejected,
        'outside, the load balancer': rejected,
      })
    },
  )

  lesson(
    'a Service without endpoints refuses nothing else',
    {
      scenario: 'Packets pass the node to the node port of another machine, and to another port of the cluster IP.',
      rule: "A node port belongs only to this node's own addresses.",
      source,
    },
    () => {
      expect(destinations(rules(), fromOutside('10.244.0.12', 30080))).toEqual({ '10.244.0.12:30080': 1000 })
      expect(destinations(rules(), packet({ port: 81 }))).toEqual({ [`${CLUSTER_IP}:81`]: 1000 })
    },
  )
})

describe('all rules of a node', () => {
  lesson(
    'external traffic is shared as fairly as internal traffic',
    {
      scenario:
        'A LoadBalancer Service has endpoints on two nodes. Clients use the node port and the load balancer address.',
      rule: 'External traffic with policy Cluster ends in the same chain as traffic from pods.',
      source,
    },
    () => {
      const rules = buildRules([everyWayIn], { [everyWayIn.name]: TWO }, config)
      for (const sent of [fromOutside(NODE, 30080), fromOutside(LOAD_BALANCER, 80)]) {
        expect(destinations(rules, sent)).toEqual({ '10.244.1.5:8080': 500, '10.244.2.7:8080': 500 })
      }
      expect(destinations(buildRules([everyWayIn], {}, config), fromOutside(NODE, 30080))).toEqual({ rejected: 1000 })
    },
  )
})
