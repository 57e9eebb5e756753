import { describe, expect } from 'vitest'
import type { EndpointInfo, ServicePortInfo } from '#kit/contracts/proxy.ts'
import { BUILT_IN_CHAINS, type Chains, NO_RULES, type Rules } from '#kit/contracts/proxy-rules.ts'
import { restoreInto } from '#kit/sim/iptables-restore.ts'
import { createRandom, type Random } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { changesBetween } from '#proxy/minimal-update.ts'
import { buildRules } from '#proxy/rules.ts'
import { config, endpoint, SEP, SVC, servicePort } from './fixtures.ts'

const source = 'pkg/proxy/iptables/proxier.go, KEP-3453'

/** A small set of rules, written by hand: a jump, two chains that are always there, and some chains of Services. */
const rules = (chains: Chains): Rules => ({
  nat: {
    PREROUTING: ['-j KUBE-SERVICES'],
    'KUBE-SERVICES': Object.keys(chains)
      .filter((chain) => chain.startsWith('KUBE-SVC-'))
      .map((chain) => `-j ${chain}`),
    'KUBE-MARK-MASQ': ['-j MARK --set-xmark 0x4000/0x4000'],
    ...chains,
  },
  filter: { 'KUBE-SERVICES': [] },
})

const A = 'KUBE-SVC-AAAAAAAAAAAAAAAA'
const B = 'KUBE-SVC-BBBBBBBBBBBBBBBB'

describe('from nothing', () => {
  lesson(
    'from nothing, everything is written, table by table',
    {
      scenario: 'The network stack is empty; two tables have rules.',
      rule: 'Each table is one transaction: "*table", lines, "COMMIT", each ending with a newline.',
      source: 'iptables-restore(8)',
    },
    () => {
      const wanted = rules({ [A]: ['-p tcp -j DNAT --to-destination 10.244.1.5:8080'] })
      const text = changesBetween(NO_RULES, wanted)
      expect(text).toMatch(/^\*nat\n[^*]*COMMIT\n\*filter\n[^*]*COMMIT\n$/)
      expect(restoreInto(NO_RULES, text)).toMatchObject(wanted)
    },
  )

  lesson(
    'chains without rules are created too',
    {
      scenario: 'KUBE-NODEPORTS has no rules, but another chain jumps to it.',
      rule: 'A jump to a chain that does not exist makes iptables-restore refuse the whole table.',
      source: 'iptables-restore(8)',
    },
    () => {
      const wanted: Rules = { nat: { 'KUBE-SERVICES': ['-j KUBE-NODEPORTS'], 'KUBE-NODEPORTS': [] }, filter: {} }
      expect(restoreInto(NO_RULES, changesBetween(NO_RULES, wanted)).nat).toMatchObject(wanted.nat)
    },
  )
})

describe('when nothing changed', () => {
  lesson(
    'when nothing changed, nothing is written',
    {
      scenario: 'The rules that should be there are there.',
      rule: 'The text is empty, so that nothing has to be run at all.',
      source,
    },
    () => {
      const same = rules({ [A]: ['-j KUBE-MARK-MASQ'] })
      expect(changesBetween(same, structuredClone(same))).toBe('')
    },
  )
})

describe('when one Service changed', () => {
  const before = rules({ [A]: ['-j KUBE-MARK-MASQ'], [B]: ['-j KUBE-MARK-MASQ'] })

  lesson(
    'when one Service changed, only its chains are named',
    {
      scenario: 'Two Services; the rules of one get another order.',
      rule: 'Chains that stay as they are do not occur in the text: that is what makes thousands of Services cheap.',
      source,
    },
    () => {
      const wanted = rules({ [A]: ['-j KUBE-MARK-MASQ'], [B]: ['-j RETURN', '-j KUBE-MARK-MASQ'] })
      const text = changesBetween(before, wanted)
      expect(text.split('\n')).toEqual([
        '*nat',
        `:${B} - [0:0]`,
        `-A ${B} -j RETURN`,
        `-A ${B} -j KUBE-MARK-MASQ`,
        'COMMIT',
        '',
      ])
    },
  )

  lesson(
    'the order of rules counts as a change',
    {
      scenario: 'The same two rules, the other way round.',
      rule: 'The first rule that matches decides, so order is meaning.',
      source: 'iptables(8)',
    },
    () => {
      const one = rules({ [A]: ['-j RETURN', '-j KUBE-MARK-MASQ'] })
      const other = rules({ [A]: ['-j KUBE-MARK-MASQ', '-j RETURN'] })
      expect(restoreInto(one, changesBetween(one, other)).nat[A]).toEqual(other.nat[A])
    },
  )
})

describe('when a Service is gone', () => {
  lesson(
    'the chains of a Service that is gone go too, after the last jump to them',
    {
      scenario:
        "A Service and its endpoint are deleted; KUBE-SERVICES jumped to its chain, and that one to the endpoint's.",
      rule: 'A chain can only be deleted when it is empty and nothing jumps to it.',
      source: 'iptables(8), -X',
    },
    () => {
      const chain = SEP['10.244.1.5']!
      const before = rules({ [SVC]: [`-j ${chain}`], [chain]: ['-j KUBE-MARK-MASQ'], [B]: ['-j KUBE-MARK-MASQ'] })
      const wanted = rules({ [B]: ['-j KUBE-MARK-MASQ'] })
      const after = restoreInto(before, changesBetween(before, wanted))
      const left = [SVC, chain].filter((each) => each in after.nat)
      expect({ 'stale chains that are left': left, 'KUBE-SERVICES': after.nat['KUBE-SERVICES'] }).toEqual({
        'stale chains that are left': [],
        'KUBE-SERVICES': wanted.nat['KUBE-SERVICES'],
      })
    },
  )
})

describe('rules of other people', () => {
  lesson(
    'the rules of other people stay as they are',
    {
      scenario: 'The node has chains of its own, rules in PREROUTING, and a chain with a name like ours.',
      rule: "The kernel's chains are never emptied; only chains of Services are ever deleted.",
      source: 'iptables-restore(8), --noflush',
    },
    () => {
      const others = { PREROUTING: ['-j NODE-KUBELET'], 'NODE-KUBELET': ['-j RETURN'], 'KUBE-KUBELET-CANARY': [] }
      const before: Rules = { nat: others, filter: { FORWARD: ['-j OTHERS'], OTHERS: [] } }
      const text = changesBetween(before, rules({ [A]: ['-j KUBE-MARK-MASQ'] }))
      const after = restoreInto(before, text)
      expect(after.nat).toMatchObject({ 'NODE-KUBELET': ['-j RETURN'], 'KUBE-KUBELET-CANARY': [] })
      expect(after.nat.PREROUTING).toEqual(['-j NODE-KUBELET', '-j KUBE-SERVICES'])
      expect(after.filter).toMatchObject(before.filter)
      const emptied = BUILT_IN_CHAINS.filter((chain) => text.includes(`:${chain}`))
      expect({ "the kernel's chains that are emptied": emptied }).toEqual({
        "the kernel's chains that are emptied": [],
      })
    },
  )

  lesson(
    'a jump that is there is not added again',
    {
      scenario: 'kube-proxy starts again; its jump is already in PREROUTING, beside another rule.',
      rule: "In the kernel's chains, only rules that are missing are added.",
      source: 'pkg/proxy/iptables/proxier.go (EnsureRule)',
    },
    () => {
      const wanted = rules({ [A]: ['-j KUBE-MARK-MASQ'] })
      const before: Rules = { ...wanted, nat: { ...wanted.nat, PREROUTING: ['-j NODE-KUBELET', '-j KUBE-SERVICES'] } }
      expect(changesBetween(before, wanted)).toBe('')
    },
  )
})

describe('any sequence of changes', () => {
  lesson(
    'any sequence of changes ends at the wanted rules, and is never refused',
    {
      scenario: "Services and endpoints come, change and go at random, 40 times, on a node with other people's rules.",
      rule: 'Every text is accepted, leads exactly to the wanted rules, and leaves everything else as it was.',
      source,
    },
    (context) => {
      const random = createRandom(66)
      context.seed(random.seed)
      let kernel: Rules = { nat: { PREROUTING: ['-j OTHERS'], OTHERS: ['-j RETURN'] }, filter: {} }
      for (let round = 0; round < 40; round++) {
        const wanted = randomRules(random)
        kernel = restoreInto(kernel, changesBetween(kernel, wanted))
        for (const table of ['nat', 'filter'] as const) {
          const own = Object.entries(kernel[table]).filter(([chain]) => chain.startsWith('KUBE-'))
          const expected = Object.entries(wanted[table]).filter(([chain]) => chain.startsWith('KUBE-'))
          expect(Object.fromEntries(own)).toEqual(Object.fromEntries(expected))
        }
        expect(kernel.nat.OTHERS).toEqual(['-j RETURN'])
        expect(changesBetween(kernel, wanted)).toBe('')
      }
    },
  )

  lesson(
    'an update costs what changed, not what exists',
    {
      scenario: '300 Services with 4 endpoints each; one endpoint becomes unready.',
      rule: 'The text has a few dozen lines, of the thousands that all rules have.',
      source: 'KEP-3453',
    },
    () => {
      const services = Array.from({ length: 300 }, (_, i) =>
        servicePort({ name: `default/s${i}:http`, clusterIP: `10.96.${1 + (i >> 8)}.${i & 255}` }),
      )
      const four = ['10.244.1.5', '10.244.1.6', '10.244.2.7', '10.244.2.8'].map((ip) => endpoint(ip))
      const endpoints = Object.fromEntries(services.map(({ name }) => [name, four]))
      const before = buildRules(services, endpoints, config)
      const after = buildRules(services, { ...endpoints, 'default/s7:http': four.slice(1) }, config)
      const changes = changesBetween(before, after)
      const lines = changes.split('\n').length
      expect({ lines, 'from 6 to 29': lines > 5 && lines < 30 }).toEqual({ lines, 'from 6 to 29': true })
    },
  )
})

function randomRules(random: Random): Rules {
  const services: ServicePortInfo[] = []
  const endpoints: Record<string, EndpointInfo[]> = {}
  for (let i = 0; i < 6; i++) {
    if (random.chance(0.4)) continue
    const service = servicePort({
      name: `default/s${i}:http`,
      clusterIP: `10.96.5.${i + 1}`,
      nodePort: random.chance(0.3) ? 30_000 + i : 0,
    })
    services.push(service)
    endpoints[service.name] = Array.from({ length: random.below(4) }, (_, n) =>
      endpoint(`10.244.1.${n + 1}`, { ready: random.chance(0.8) }),
    )
  }
  return buildRules(services, endpoints, config)
}
