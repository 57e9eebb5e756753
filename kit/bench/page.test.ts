/** The pure parts of the bench: what is computed from measurements, and how it is shown. */
import { describe, expect, it } from 'vitest'
import { serviceDefinition } from '../etcd-api/services.ts'
import { parseCheckPerf, verdictLines } from './etcd/check-perf.ts'
import { countEvents } from './etcd/fan-out.ts'
import { type Figure, ratioOf, verdictOf } from './figures.ts'
import { compareUnderLoad, runRound, summarize } from './load.ts'
import { describeMachine, machineLine } from './machine.ts'
import { selectBenchmarks } from './registry.ts'
import { amount, jsonOf, markdownOf, type Page, table } from './report.ts'
import { parseAnswer } from './request-pool.ts'
import type { Outcome } from './run-benchmarks.ts'
import { median, percentile } from './statistics.ts'

const signal = new AbortController().signal

describe('statistics', () => {
  it('takes the value that so many percent do not exceed (nearest rank)', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(percentile(values, 50)).toBe(50)
    expect(percentile(values, 99)).toBe(99)
    expect(percentile([7], 99)).toBe(7)
    expect(percentile([], 50)).toBeUndefined()
  })

  it('takes the middle, or the mean of two middles', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([1, 2, 4, 100])).toBe(3)
    expect(median([])).toBeUndefined()
  })
})

describe('a figure', () => {
  const theirs = { name: 'etcd', origin: 'measured', value: 100 } as const

  it('meets a target for a rate when it is high enough', () => {
    const rate = (value: number): Figure => ({
      what: 'put',
      unit: 'per second',
      ours: { value },
      reference: theirs,
      target: { ratio: 0.7 },
    })
    expect(ratioOf(rate(50))).toBe(0.5)
    expect(verdictOf(rate(70))).toBe('met')
    expect(verdictOf(rate(69))).toBe('missed')
  })

  it('meets a target for a time when it is low enough', () => {
    const start = (value: number): Figure => ({ what: 'start', unit: 's', ours: { value }, target: { value: 5 } })
    expect(verdictOf(start(5))).toBe('met')
    expect(verdictOf(start(5.1))).toBe('missed')
  })

  it('has no verdict without a target, or without anything to compare with', () => {
    expect(verdictOf({ what: 'put', unit: 's', ours: { value: 1 } })).toBeUndefined()
    expect(verdictOf({ what: 'put', unit: 's', ours: { value: 1 }, target: { ratio: 1 } })).toBeUndefined()
  })
})

describe('a load', () => {
  it('stops at its count of operations, all clients together', async () => {
    let operations = 0
    const round = await runRound(
      { clients: 4, maxOperations: 10, maxMs: 60_000 },
      { operate: async () => operations++ },
      signal,
    )
    expect(operations).toBe(10)
    expect(round.latenciesMs).toHaveLength(10)
  })

  it('asks both systems in turns, and measures nothing when an operation fails', async () => {
    const order: string[] = []
    const shape = { clients: 1, maxOperations: 1, maxMs: 60_000 }
    const system = (name: string) => ({ operate: async () => order.push(name) })
    await compareUnderLoad({ shape, rounds: 2, ours: system('ours'), theirs: system('theirs'), signal })
    expect(order).toEqual(['ours', 'theirs', 'ours', 'theirs', 'ours', 'theirs'])
    const failing = compareUnderLoad({
      shape,
      rounds: 1,
      ours: { operate: () => Promise.reject(new Error('refused')) },
      signal,
    })
    await expect(failing).rejects.toThrow('refused')
  })

  it('is told by the rate of the middle round and the latencies of all', () => {
    const rounds = [100, 900, 200].map((perSecond) => ({ perSecond, latenciesMs: [perSecond / 100] }))
    expect(summarize(rounds)).toEqual({ value: 200, p50Ms: 2, p99Ms: 9 })
    const withCpu = rounds.map((round) => ({ ...round, cpuSeconds: 0.001 }))
    expect(summarize(withCpu).cpuMicros).toBeCloseTo(1000)
  })
})

describe('parsing', () => {
  it('reads what etcdctl check perf says, passed or not', () => {
    expect(parseCheckPerf(' 60 / 60  100.00% 1m0s\nPASS: Throughput is 989 writes/s\nPASS')).toBe(989)
    expect(parseCheckPerf('FAIL: Throughput too low: 4600 writes/s')).toBe(4600)
    expect(parseCheckPerf('Error: context deadline exceeded')).toBeUndefined()
    const output =
      ' 60 / 60  100.00% 1m0s\rPASS: Throughput is 989 writes/s\nSlowest request took too long: 0.7s\nFAIL: Stddev\nFAIL'
    expect(verdictLines(output)).toEqual([
      'PASS: Throughput is 989 writes/s',
      'Slowest request took too long: 0.7s',
      'FAIL: Stddev',
      'FAIL',
    ])
  })

  it('counts the events of a watch response without reading them', () => {
    const { responseSerialize } = serviceDefinition('Watch', 'buffer').Watch!
    const kv = { key: Buffer.from('k'), value: Buffer.alloc(300), modRevision: 2 ** 40 }
    const header = { clusterId: '18446744073709551615', memberId: '1', revision: 7, raftTerm: 2 }
    const event = { type: 'PUT', kv }
    expect(countEvents(responseSerialize({ header, watchId: -1, created: true }))).toBe(0)
    expect(countEvents(responseSerialize({ header, watchId: 5, events: [event, event, event] }))).toBe(3)
  })

  it('knows when an HTTP answer is whole, with a length or in chunks', () => {
    const whole = Buffer.from('HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}')
    expect(parseAnswer(whole)).toEqual({ status: 201, body: Buffer.from('{}') })
    expect(parseAnswer(whole.subarray(0, -1))).toBeUndefined()
    expect(parseAnswer(whole.subarray(0, 20))).toBeUndefined()
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n')
    expect(parseAnswer(chunked)?.status).toBe(200)
    expect(parseAnswer(chunked.subarray(0, -5))).toBeUndefined()
  })
})

describe('the page', () => {
  const outcomes: Outcome[] = [
    {
      name: 'etcd',
      about: 'Puts',
      status: 'measured',
      tookSeconds: 3,
      figures: [
        {
          what: 'put',
          unit: 'per second',
          ours: { value: 1234.5, p50Ms: 1.234, p99Ms: 12.34 },
          reference: { name: 'etcd 3.4.23', origin: 'recorded', value: 1000 },
          target: { ratio: 1 },
        },
      ],
      notes: ['Said beside it.'],
    },
    { name: 'pods', about: 'Pods', status: 'skipped', reason: 'no Docker', tookSeconds: 0, figures: [], notes: [] },
  ]
  const page: Page = { at: '2026-01-02T03:04:05.000Z', quick: false, machine: describeMachine(), outcomes }

  it('shows figures with ratio, target and verdict, marks what was recorded elsewhere, and says why it skipped', () => {
    const markdown = markdownOf(page)
    expect(markdown).toContain(
      '| put  | 1,235/s | 1.23 / 12.3 ms | 1,000/s (etcd 3.4.23 †) | 1.23× | ≥ 1×   | met     |',
    )
    expect(markdown).toContain('Skipped: no Docker')
    expect(markdown).toContain('- Said beside it.')
    expect(markdown).toContain('1 figures measured; 1 of 1 targets met.')
    expect(markdown).toContain('† Not measured in this run')
    expect(markdown).toContain(machineLine(page.machine))
  })

  it('says the same as data', () => {
    const { outcomes: shown } = jsonOf(page) as { outcomes: { figures: object[] }[] }
    expect(shown[0]?.figures[0]).toMatchObject({ ratio: 1.2345, verdict: 'met' })
  })

  it('rounds to three digits and lines columns up', () => {
    expect(amount(0.1234, 's')).toBe('0.12 s')
    expect(amount(12.34, 'MB')).toBe('12.3 MB')
    expect(amount(20_700.4, 'per second')).toBe('20,700/s')
    expect(table(['a', 'long'], [['wide', 'x']])).toEqual(['| a    | long |', '|------|------|', '| wide | x    |'])
  })

  it('answers an unknown name with the list of what exists', () => {
    expect(() => selectBenchmarks('nope')).toThrow(/no benchmark "nope".*\n {4}etcd /)
    expect(selectBenchmarks('etcd').map(({ name }) => name)).toEqual(['etcd'])
    expect(selectBenchmarks('all').length).toBeGreaterThan(5)
  })
})
