/** How counters become figures, without a server. */
import { describe, expect, it } from 'vitest'
import { parseSamples } from './prometheus-text.ts'
import { nextPair, pointsOf, type UsagePoint, usageBetween } from './usage-points.ts'

// What a real kubelet 1.32 answered.
const ANSWER = `# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="a",namespace="default",pod="http-sample"} 0.085205786 1795363133489
container_cpu_usage_seconds_total{container="b",namespace="default",pod="http-sample"} 0.018291701 1795363134128
# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes
# TYPE container_memory_working_set_bytes gauge
container_memory_working_set_bytes{container="a",namespace="default",pod="http-sample"} 1.88416e+06 1795363133489
# HELP container_start_time_seconds [STABLE] Start time of the container since unix epoch in seconds
# TYPE container_start_time_seconds gauge
container_start_time_seconds{container="a",namespace="default",pod="http-sample"} 1.795363118416023e+09
node_cpu_usage_seconds_total 5017.776748997 1795363138154
node_memory_working_set_bytes 1.527533568e+09 1795363138154
pod_cpu_usage_seconds_total{namespace="default",pod="http-sample"} 0.129145772 1795363131429
resource_scrape_error 0
`

const point = (atMs: number, cpuSeconds: number, startedAtMs = 1): UsagePoint => {
  return { atMs, cpuSeconds, workingSetBytes: 4096, startedAtMs }
}

describe('the answer of a kubelet', () => {
  it('is read: the node, and each container that has both figures', () => {
    const { node, pods } = pointsOf(ANSWER)
    expect(node).toMatchObject({ atMs: 1795363138154, cpuSeconds: 5017.776748997, workingSetBytes: 1527533568 })
    expect([...pods.keys()]).toEqual(['default/http-sample'])
    expect([...(pods.get('default/http-sample') ?? [])]).toEqual([
      ['a', { atMs: 1795363133489, cpuSeconds: 0.085205786, workingSetBytes: 1884160, startedAtMs: 1795363118416.023 }],
    ])
  })

  it('may hold anything else', () => {
    expect(parseSamples('a{b="c,\\"d\\"\\\\"} 1\nnonsense\n\nx NaN\ny +Inf 5 6\nz 2e3 -7\n')).toEqual([
      { name: 'a', labels: { b: 'c,"d"\\' }, value: 1, atMs: undefined },
      { name: 'z', labels: {}, value: 2000, atMs: -7 },
    ])
    expect(pointsOf('').node).toBeUndefined()
  })
})

describe('two looks at a counter', () => {
  it('tell how much was used per second in between', () => {
    expect(usageBetween(point(1000, 2), point(16_000, 5))).toEqual({
      atMs: 16_000,
      windowMs: 15_000,
      cpuNanocores: 200_000_000,
      memoryBytes: 4096,
    })
  })

  it('tell nothing when the counter went backwards, or no time has passed', () => {
    expect(usageBetween(point(1000, 2), point(16_000, 1))).toBeUndefined()
    expect(usageBetween(point(1000, 2), point(1000, 2))).toBeUndefined()
  })

  it('are the last two that differ in time', () => {
    const first = nextPair(undefined, point(1000, 1), 15_000)
    expect(first.earlier).toBeUndefined()
    const second = nextPair(first, point(16_000, 2), 15_000)
    expect(second).toEqual({ earlier: point(1000, 1), later: point(16_000, 2) })
    expect(nextPair(second, point(16_000, 2), 15_000)).toBe(second)
  })

  it('are not of two containers: one that was made anew begins at zero', () => {
    const known = nextPair(undefined, point(1000, 100), 15_000)
    const anew = point(16_000, 0.5, 4000)
    expect(nextPair(known, anew, 15_000)).toEqual({ earlier: { ...anew, atMs: 4000, cpuSeconds: 0 }, later: anew })
    // Too young to tell, or begun too long ago.
    expect(nextPair(known, point(16_000, 0.5, 15_000), 15_000).earlier).toBeUndefined()
    expect(nextPair(undefined, point(60_000, 0.5, 4000), 15_000).earlier).toBeUndefined()
  })
})
