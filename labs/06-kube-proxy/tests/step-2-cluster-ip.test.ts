import { describe, expect } from 'vitest'
import { mergeRules } from '#kit/contracts/proxy-rules.ts'
import { allWalks, type Packet, walkPacket } from '#kit/sim/packet-walk.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { balancingRules, clusterIPRules, endpointRules, masqueradeRules } from '#proxy/cluster-ip.ts'
import { buildRules } from '#proxy/rules.ts'
import {
  CLIENT_POD,
  CLUSTER_IP,
  config,
  destinations,
  endpoint,
  frame,
  leadsTo,
  masquerading,
  NODE,
  OUTSIDER,
  packet,
  SEP,
  SVC,
  servicePort,
  THREE,
  TWO,
} from './fixtures.ts'

const source = 'pkg/proxy/iptables/proxier.go'

describe('capturing the cluster IP', () => {
  const captured = () => frame(masquerading, clusterIPRules(servicePort(), SVC, config), leadsTo(SVC, '10.244.1.5'))

  lesson(
    'traffic for the cluster IP is led into the chain of the Service',
    {
      scenario: 'A pod connects to 10.96.5.1:80, which no machine has.',
      rule: 'KUBE-SERVICES recognises the cluster IP, protocol and port, and jumps to the chain.',
      source,
    },
    () => expect(destinations(captured(), packet())).toEqual({ '10.244.1.5:8080': 1000 }),
  )

  lesson(
    'all traffic that is not for the Service port is left alone',
    {
      scenario: 'Pods connect to another port, over UDP, and to another address.',
      rule: 'Only address, protocol and port together name a Service port.',
      source,
    },
    () => {
      expect(destinations(captured(), packet({ port: 81 }))).toEqual({ [`${CLUSTER_IP}:81`]: 1000 })
      expect(destinations(captured(), packet({ protocol: 'udp' }))).toEqual({ [`${CLUSTER_IP}:80`]: 1000 })
      expect(destinations(captured(), packet({ destination: '10.96.5.2' }))).toEqual({ '10.96.5.2:80': 1000 })
    },
  )

  lesson(
    'endpoints see the pod that asks, everybody else is hidden',
    {
      scenario: 'A pod, a process on the node, and a machine outside the cluster connect to the cluster IP.',
      rule: "Traffic from outside the pods' addresses is masqueraded, so that the reply comes back through this node.",
      source: `${source} (IfNotLocal)`,
    },
    () => {
      const sourceOf = (sent: Packet) => walkPacket(captured(), sent).source
      expect({
        'from a pod': sourceOf(packet()),
        'from outside': sourceOf(packet({ source: OUTSIDER })),
        'from the node': sourceOf(packet({ source: '192.168.7.4', from: 'node' })),
      }).toEqual({ 'from a pod': CLIENT_POD, 'from outside': NODE, 'from the node': NODE })
    },
  )
})

describe('sharing connections', () => {
  lesson(
    'each endpoint gets the same share, however many there are',
    {
      scenario: 'A Service has 1, 2, 3, … 16 endpoints.',
      rule: 'With n endpoints the chances are 1/n, 1/(n−1), …, and the last one takes what is left.',
      source: `${source} (writeServiceToEndpointRules)`,
    },
    () => {
      for (let count = 1; count <= 16; count++) {
        const endpoints = Array.from({ length: count }, (_, i) => endpoint(`10.244.1.${i + 1}`))
        const rules = balancingRules(servicePort(), SVC, endpoints)
        const stops = endpoints.map((each) => endpointRules(servicePort(), each))
        const walks = allWalks(
          frame(masquerading, { nat: { 'KUBE-SERVICES': [`-j ${SVC}`] } }, rules, ...stops),
          packet(),
        )
        const share = (probability: number) => probability.toFixed(4)
        expect(walks.map(({ destination, probability }) => `${destination} ${share(probability)}`).sort()).toEqual(
          endpoints.map(({ ip }) => `${ip} ${share(1 / count)}`).sort(),
        )
      }
    },
  )

  lesson(
    'there is one jump for each endpoint, in their order',
    {
      scenario: 'A Service has three endpoints.',
      rule: 'One rule for each endpoint, in the order given: equal endpoints must make equal rules.',
      source,
    },
    () => {
      const jumps = balancingRules(servicePort(), SVC, THREE).nat?.[SVC]?.map((rule) => rule.split(' ').at(-1))
      expect(jumps).toEqual(THREE.map(({ ip }) => SEP[ip]))
    },
  )
})

describe('sending to one endpoint', () => {
  const rules = (memory?: string) => {
    const chain = endpointRules(servicePort(), endpoint('10.244.1.5'), memory)
    return frame(masquerading, { nat: { 'KUBE-SERVICES': [`-j ${SEP['10.244.1.5']}`] } }, chain)
  }

  lesson(
    'the destination becomes the endpoint and its own port',
    {
      scenario: 'A connection to port 80 of the Service has come to the endpoint 10.244.1.5:8080.',
      rule: 'DNAT replaces address and port; who asks stays as it is.',
      source,
    },
    () => {
      const walk = walkPacket(rules(), packet())
      expect(walk).toMatchObject({ destination: '10.244.1.5', port: 8080, masqueraded: false })
    },
  )

  lesson(
    'a pod that is sent back to itself is masqueraded',
    {
      scenario: 'The pod 10.244.1.5 connects to its own Service, and the dice send it to itself.',
      rule: 'With its own address as source, the pod would answer itself past this node, from an address it never asked.',
      source: `${source} (hairpin)`,
    },
    () => {
      const walk = walkPacket(rules(), packet({ source: '10.244.1.5' }))
      expect(walk).toMatchObject({ destination: '10.244.1.5', masqueraded: true, source: NODE })
    },
  )

  lesson(
    'an endpoint chain is for the protocol of the Service only',
    {
      scenario: 'A UDP packet has come to the endpoint chain of a TCP Service.',
      rule: 'The DNAT rule names the protocol: ports mean nothing without one.',
      source,
    },
    () => expect(destinations(rules(), packet({ protocol: 'udp' }))).toEqual({ [`${CLUSTER_IP}:80`]: 1000 }),
  )

  lesson(
    'an endpoint chain has room for a match that remembers the client',
    {
      scenario: 'The DNAT rule of an endpoint is given the match "-m mark --mark 0x7" for its memory.',
      rule: 'The match is part of the DNAT rule, and of no other.',
      source,
    },
    () => {
      const chain = rules('-m mark --mark 0x7')
      expect({
        'destination with mark 0x7': walkPacket(chain, packet({ mark: 7 })).destination,
        'destination without': walkPacket(chain, packet()).destination,
        'hairpin without is masqueraded': walkPacket(chain, packet({ source: '10.244.1.5' })).masqueraded,
      }).toEqual({
        'destination with mark 0x7': '10.244.1.5',
        'destination without': CLUSTER_IP,
        'hairpin without is masqueraded': true,
      })
    },
  )
})

describe('masquerading', () => {
  const marked = () => frame({ nat: { 'KUBE-SERVICES': ['-s 198.51.100.0/24 -j KUBE-MARK-MASQ'] } }, masqueradeRules())

  lesson(
    'marked packets are masqueraded, and no others',
    {
      scenario: 'One packet was sent to KUBE-MARK-MASQ, one was not.',
      rule: 'The mark 0x4000 is the message from where it is decided to where it is done.',
      source,
    },
    () => {
      expect(walkPacket(marked(), packet({ source: OUTSIDER }))).toMatchObject({ masqueraded: true, source: NODE })
      expect(walkPacket(marked(), packet())).toMatchObject({ masqueraded: false })
    },
  )

  lesson(
    'masquerading uses one bit of the mark, and clears it',
    {
      scenario: 'Packets arrive with the mark 0x1, which belongs to somebody else.',
      rule: 'Only bit 0x4000 is set and cleared; all other bits stay.',
      source,
    },
    () => {
      expect(walkPacket(marked(), packet({ source: OUTSIDER, mark: 1 }))).toMatchObject({ masqueraded: true, mark: 1 })
      expect(walkPacket(marked(), packet({ mark: 1 }))).toMatchObject({ masqueraded: false, mark: 1 })
    },
  )
})

describe('all rules of a node', () => {
  lesson(
    'every Service is answered by its own endpoints, fairly',
    {
      scenario:
        'Random Services with random endpoints, some on the same port of the same address over another protocol.',
      rule: 'A packet to a cluster IP reaches exactly the ready endpoints of that Service port, each with the same chance.',
      source,
    },
    (context) => {
      const random = createRandom(6202)
      context.seed(random.seed)
      for (let round = 0; round < 25; round++) {
        const services = Array.from({ length: 1 + random.below(6) }, (_, i) =>
          servicePort({
            name: `default/s${i}:p`,
            clusterIP: `10.96.5.${1 + random.below(3)}`,
            port: 80 + i,
            protocol: random.pick(['TCP', 'UDP']),
          }),
        )
        const endpoints = Object.fromEntries(
          services.map(({ name }) => [
            name,
            Array.from({ length: 1 + random.below(5) }, (_, i) =>
              endpoint(`10.244.${1 + random.below(2)}.${10 + i}`, {
                port: 8000 + random.below(3),
                ready: i === 0 || random.chance(0.6),
              }),
            ),
          ]),
        )
        const rules = buildRules(services, endpoints, config)
        for (const service of services) {
          const ready = endpoints[service.name]!.filter((each) => each.ready)
          const protocol = service.protocol === 'TCP' ? 'tcp' : 'udp'
          const sent = packet({ destination: service.clusterIP, port: service.port, protocol })
          const walks = allWalks(rules, sent)
          const line = (ip: string, port: number, share: number) => `${ip}:${port} ${share.toFixed(4)}`
          expect({
            round,
            service: service.name,
            shares: walks.map((walk) => line(walk.destination, walk.port, walk.probability)).sort(),
          }).toEqual({
            round,
            service: service.name,
            shares: ready.map(({ ip, port }) => line(ip, port, 1 / ready.length)).sort(),
          })
        }
        expect(destinations(rules, packet({ destination: '10.244.2.10', port: 80 }))).toEqual({
          '10.244.2.10:80': 1000,
        })
      }
    },
  )

  lesson(
    'the rules of one Service do not touch another',
    {
      scenario: 'Two Services share an endpoint.',
      rule: 'Chains are named after Service port and endpoint, so each Service has its own chain for it.',
      source: `${source} (servicePortEndpointChainName)`,
    },
    () => {
      const other = servicePort({ name: 'default/b:http', clusterIP: '10.96.5.2' })
      const both = mergeRules(endpointRules(servicePort(), TWO[0]!), endpointRules(other, TWO[0]!))
      const sizes = Object.values(both.nat).map((rules) => rules.length)
      expect({ 'rules in each chain': sizes }).toEqual({ 'rules in each chain': [2, 2] })
    },
  )
})
