/**
 * The judge of lab 6 is judged itself: by small rules whose meaning is plain, and by the rules of a real kube-proxy.
 */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseIptablesSave, type Rules } from '../contracts/proxy-rules.ts'
import { restoreInto } from './iptables-restore.ts'
import { parseRule } from './iptables-rule.ts'
import { MemoryIptables } from './memory-iptables.ts'
import { allWalks, type Packet, walkPacket } from './packet-walk.ts'

const packet: Packet = { source: '10.244.1.99', destination: '10.96.5.1', protocol: 'tcp', port: 80 }
const nat = (chains: Rules['nat']): Rules => ({ nat: chains, filter: {} })

describe('parsing a rule', () => {
  it('gives the same for every spelling and order', () => {
    const inOrder = parseRule('-d 10.96.5.1/32 -p tcp -m comment --comment "a: b" -m tcp --dport 80 -j KUBE-SVC-A')
    const otherwise = parseRule(
      '-m comment --comment "x" -p tcp --dport 80 --jump KUBE-SVC-A --destination 10.96.5.1/32',
    )
    const sorted = (rule: typeof inOrder) => [...rule.matches].sort((a, b) => (a.kind < b.kind ? -1 : 1))
    expect(sorted(otherwise)).toEqual(sorted(inOrder))
    expect(otherwise.target).toEqual(inOrder.target)
  })

  it('refuses what it does not understand, by name', () => {
    expect(() => parseRule('-m geoip --country XX -j DROP')).toThrow('"-m geoip"')
    expect(() => parseRule('--tcp-flags SYN SYN -j DROP')).toThrow('"--tcp-flags"')
    expect(() => parseRule('-d 10.96.5.1/32 -j')).toThrow('too early')
  })
})

describe('walking a packet', () => {
  it('asks rules in order, and returns from a chain that is at its end', () => {
    const rules = nat({
      PREROUTING: ['-j FIRST', '-j SECOND'],
      FIRST: ['-d 10.0.0.0/8 -j RETURN', '-j DNAT --to-destination 1.1.1.1'],
      SECOND: ['! -s 10.0.0.0/8 -j DNAT --to-destination 2.2.2.2', '-p tcp -j DNAT --to-destination 3.3.3.3:8080'],
    })
    expect(walkPacket(rules, packet)).toMatchObject({ destination: '3.3.3.3', port: 8080, outcome: 'forwarded' })
  })

  it('decides between INPUT and FORWARD by the rewritten destination', () => {
    const rules: Rules = {
      nat: { PREROUTING: ['-d 10.96.5.1 -j DNAT --to-destination 10.244.0.11:80'] },
      filter: { INPUT: ['-p tcp --dport 80 -j REJECT'], FORWARD: ['-j DROP'] },
    }
    expect(walkPacket(rules, packet).outcome).toBe('rejected')
    expect(walkPacket(rules, { ...packet, destination: '10.96.5.2' }).outcome).toBe('dropped')
  })

  it('knows the mark, connection states and what is local', () => {
    const rules: Rules = {
      nat: {
        OUTPUT: ['-m addrtype --dst-type LOCAL -j DNAT --to-destination 10.244.1.5:8080'],
        PREROUTING: ['-j MARK --set-xmark 0x4000/0x4000'],
        POSTROUTING: ['-m mark --mark 0x4000/0x4000 -j MASQUERADE'],
      },
      filter: { OUTPUT: ['-m conntrack ! --ctstate DNAT -j DROP'] },
    }
    expect(walkPacket(rules, packet)).toMatchObject({ masqueraded: true, mark: 0x4000, source: '10.244.0.11' })
    expect(walkPacket(rules, { ...packet, from: 'node' }).outcome).toBe('dropped')
    const toItself = { ...packet, from: 'node', destination: '127.0.0.1' } as const
    expect(walkPacket(rules, toItself)).toMatchObject({ destination: '10.244.1.5', masqueraded: false })
  })

  it('finds circles and jumps to nowhere', () => {
    expect(() => walkPacket(nat({ PREROUTING: ['-j A'], A: ['-j PREROUTING'] }), packet)).toThrow('circle')
    expect(() => walkPacket(nat({ PREROUTING: ['-j A'] }), packet)).toThrow('No chain A')
  })
})

describe('all walks', () => {
  it('add up to certainty', () => {
    const rules = nat({
      PREROUTING: [
        '-m statistic --mode random --probability 0.25 -j DNAT --to-destination 1.1.1.1',
        '-m statistic --mode random --probability 0.5 -j DNAT --to-destination 2.2.2.2',
      ],
    })
    const shares = Object.fromEntries(allWalks(rules, packet).map((walk) => [walk.destination, walk.probability]))
    expect(shares).toEqual({ '1.1.1.1': 0.25, '2.2.2.2': 0.375, '10.96.5.1': 0.375 })
  })
})

describe('restoring', () => {
  const before: Rules = { nat: { PREROUTING: ['-j A'], A: ['-j B'], B: [] }, filter: {} }

  it('does as the kernel does, and is all or nothing', () => {
    const text = '*nat\n:A - [0:0]\n-A A -j RETURN\n-X B\nCOMMIT\n'
    expect(restoreInto(before, text).nat).toMatchObject({ PREROUTING: ['-j A'], A: ['-j RETURN'] })
    expect(restoreInto(before, text).nat).not.toHaveProperty('B')
    expect(() => restoreInto(before, '*nat\n-X B\nCOMMIT\n')).toThrow('still jumped to by A')
    expect(() => restoreInto(before, '*nat\n-X A\nCOMMIT\n')).toThrow('not empty')
    expect(() => restoreInto(before, '*nat\n-A C -j RETURN\nCOMMIT\n')).toThrow('No chain by that name')
    expect(() => restoreInto(before, '*nat\n-A A -j C\nCOMMIT\n')).toThrow('No chain C')
    expect(() => restoreInto(before, '*nat\n-A A -j B\n')).toThrow('COMMIT is missing')
  })

  it('is the inverse of saving', async () => {
    const stack = new MemoryIptables()
    await stack.restore('*nat\n:A - [0:0]\n-A PREROUTING -j A\n-A A -m comment --comment "x y" -j RETURN\nCOMMIT\n')
    expect(parseIptablesSave(await stack.save())).toEqual(stack.rules)
  })
})

const recordings = new URL('../../../shared/upstream/kube-proxy/iptables.json', import.meta.url)
const situations = existsSync(recordings)
  ? (JSON.parse(readFileSync(recordings, 'utf8')) as Record<string, { rules: string }>)
  : {}

describe.skipIf(Object.keys(situations).length === 0)('the rules of a real kube-proxy', () => {
  const ends = (situation: string, different: Partial<Packet> = {}) =>
    allWalks(
      parseIptablesSave(situations[situation]!.rules),
      { ...packet, ...different },
      { nodeAddresses: ['10.0.0.5'] },
    )
      .map(({ outcome, destination, port, masqueraded, probability }) => {
        const where = outcome === 'forwarded' ? `${destination}:${port}` : outcome
        return `${where}${masqueraded ? ' masqueraded' : ''} ${probability.toFixed(3)}`
      })
      .sort()

  it('mean what kube-proxy is documented to do', () => {
    const outside = { source: '198.51.100.7' }
    const toNodePort = { ...outside, destination: '10.0.0.5', port: 30080 }
    expect(ends('three-endpoints')).toEqual(['10.244.1.5:8080 0.333', '10.244.1.6:8080 0.333', '10.244.2.7:8080 0.333'])
    expect(ends('no-endpoints')).toEqual(['rejected 1.000'])
    expect(ends('one-endpoint', outside)).toEqual(['10.244.1.5:8080 masqueraded 1.000'])
    expect(ends('one-endpoint', { source: '10.244.1.5' })).toEqual(['10.244.1.5:8080 masqueraded 1.000'])
    expect(ends('nodeport', toNodePort)).toEqual([
      '10.244.1.5:8080 masqueraded 0.500',
      '10.244.2.7:8080 masqueraded 0.500',
    ])
    expect(ends('nodeport-local', toNodePort)).toEqual(['10.244.1.5:8080 1.000'])
    expect(ends('nodeport-local-none-here', toNodePort)).toEqual(['dropped 1.000'])
    expect(ends('internal-local-none-here')).toEqual(['dropped 1.000'])
    const toLoadBalancer = { destination: '203.0.113.7', source: '192.0.2.200' }
    expect(ends('loadbalancer-source-ranges', toLoadBalancer)).toEqual(['dropped 1.000'])
  })
})
