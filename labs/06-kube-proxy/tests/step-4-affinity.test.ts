import { describe, expect } from 'vitest'
import { type RecentClients, walkPacket } from '#kit/sim/packet-walk.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { affinityRules, rememberClient } from '#proxy/affinity.ts'
import { buildRules } from '#proxy/rules.ts'
import { config, frame, leadsTo, packet, SEP, SVC, servicePort, TWO } from './fixtures.ts'

const source = 'pkg/proxy/iptables/proxier.go (writeServiceToEndpointRules)'
const sticky = servicePort({ affinitySeconds: 600 })
const [first, second] = [SEP['10.244.1.5']!, SEP['10.244.2.7']!]

describe('remembering a client', () => {
  lesson(
    "remembering puts the client into the endpoint's list, and always holds",
    {
      scenario: 'A client is sent to an endpoint for the first time; its DNAT rule carries the match.',
      rule: "The match always holds, and the list then has the client's address.",
      source,
    },
    () => {
      const recent: RecentClients = new Map()
      const rules = frame({
        nat: { 'KUBE-SERVICES': [`-p tcp ${rememberClient(first)} -m tcp -j DNAT --to-destination 10.244.1.5:8080`] },
      })
      const walk = walkPacket(rules, packet(), { recent, nowSeconds: 100 })
      expect(walk).toMatchObject({ destination: '10.244.1.5', port: 8080 })
      expect(recent).toEqual(new Map([[first, new Map([[packet().source, 100]])]]))
    },
  )
})

describe('sending a known client back', () => {
  const rules = () =>
    frame(
      { nat: { 'KUBE-SERVICES': [`-j ${SVC}`] } },
      affinityRules(sticky, SVC, TWO),
      leadsTo(first, '10.244.1.5'),
      leadsTo(second, '10.244.2.7'),
      { nat: { [SVC]: ['-p tcp -j DNAT --to-destination 10.244.9.9:1'] } },
    )
  const seen = (list: string, client: string, atSeconds: number): RecentClients =>
    new Map([[list, new Map([[client, atSeconds]])]])
  const endOf = (recent: RecentClients, nowSeconds: number) =>
    walkPacket(rules(), packet(), { recent, nowSeconds }).destination

  lesson(
    'a known client goes to the endpoint that has it in its list',
    {
      scenario:
        'The client was sent to the second endpoint, 10.244.2.7, a minute ago; another time to the first, 10.244.1.5.',
      rule: 'Lists are asked before the dice are rolled, and each endpoint has its own.',
      source,
    },
    () => {
      expect({
        'in the second list': endOf(seen(second, packet().source, 0), 60),
        'in the first list': endOf(seen(first, packet().source, 0), 60),
      }).toEqual({ 'in the second list': '10.244.2.7', 'in the first list': '10.244.1.5' })
    },
  )

  lesson(
    'a list is about the clients in it alone',
    {
      scenario:
        'Another client is in the list of the second endpoint. Whoever gets past the lists is sent to 10.244.9.9.',
      rule: 'A client that no list knows falls through to the dice.',
      source,
    },
    () => {
      expect({
        'another client in the list': endOf(seen(second, '10.244.1.100', 0), 60),
        'nobody in any list': endOf(new Map(), 60),
      }).toEqual({ 'another client in the list': '10.244.9.9', 'nobody in any list': '10.244.9.9' })
    },
  )

  lesson(
    'affinity ends when the client stayed away for too long',
    {
      scenario:
        'Affinity lasts 600 seconds. The client was last seen by 10.244.2.7, 600 and 601 seconds ago. New clients go to 10.244.9.9.',
      rule: 'Who was not seen within affinitySeconds is a new client.',
      source: 'core/v1 ClientIPConfig.timeoutSeconds',
    },
    () => {
      expect({
        'last seen 600 s ago': endOf(seen(second, packet().source, 0), 600),
        'last seen 601 s ago': endOf(seen(second, packet().source, 0), 601),
      }).toEqual({ 'last seen 600 s ago': '10.244.2.7', 'last seen 601 s ago': '10.244.9.9' })
    },
  )

  lesson(
    'asking a list does not put the client into it',
    {
      scenario: 'An unknown client passes through all affinity rules.',
      rule: 'A client is remembered where it is sent, not where it was looked for.',
      source,
    },
    () => {
      const recent: RecentClients = new Map()
      walkPacket(rules(), packet(), { recent, nowSeconds: 5 })
      expect(recent).toEqual(new Map())
    },
  )
})

describe('all rules of a node', () => {
  lesson(
    'a client stays where the dice first sent it; new clients are shared out',
    {
      scenario: 'Two clients connect to a Service with affinity; the dice send one to each endpoint. Both come back.',
      rule: 'Every connection of a client within the time goes to the same endpoint, whatever the dice would say.',
      source,
    },
    () => {
      const rules = buildRules([sticky], { [sticky.name]: TWO }, config)
      const recent: RecentClients = new Map()
      const connect = (client: string, dice: boolean, nowSeconds: number) =>
        walkPacket(rules, packet({ source: client }), { recent, nowSeconds, choose: () => dice }).destination
      // The dice are turned round after the first visits; each visit starts the time anew, and 2100 is too late.
      const visits = [0, 300, 850, 1400].map((nowSeconds) => ({
        nowSeconds,
        one: connect('10.244.1.50', nowSeconds === 0, nowSeconds),
        other: connect('10.244.1.51', nowSeconds !== 0, nowSeconds),
      }))
      expect(visits).toEqual(
        [0, 300, 850, 1400].map((nowSeconds) => ({ nowSeconds, one: '10.244.1.5', other: '10.244.2.7' })),
      )
      const late = connect('10.244.1.50', false, 2100)
      expect({ 'the first client, 700 s later': late }).toEqual({ 'the first client, 700 s later': '10.244.2.7' })
    },
  )

  lesson(
    'there is no memory for a Service without affinity',
    {
      scenario: 'A Service without affinity.',
      rule: 'Lists cost memory in the kernel; only Services that ask for affinity have them.',
      source,
    },
    () => {
      const recent: RecentClients = new Map()
      const plain = servicePort()
      const rules = buildRules(
        [plain, { ...sticky, name: 'default/b:http', clusterIP: '10.96.5.2' }],
        { [plain.name]: TWO, 'default/b:http': TWO },
        config,
      )
      walkPacket(rules, packet(), { recent, choose: () => true })
      expect(recent).toEqual(new Map())
      const count = affinityRules(sticky, SVC, TWO).nat?.[SVC]?.length
      expect({ 'rules that look, for two endpoints': count }).toEqual({ 'rules that look, for two endpoints': 2 })
    },
  )
})
