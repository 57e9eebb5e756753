/** The loop that asks kubelets, on virtual time. */
import { describe, expect, it } from 'vitest'
import { silentLog } from '../../contracts/log.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import { startResourceMetrics } from './resource-metrics.ts'

/** A kubelet that has used a tenth of a core ever since. */
function answerAt(nowMs: number): string {
  const pod = 'container="main",namespace="default",pod="web"'
  return [
    `node_cpu_usage_seconds_total ${nowMs / 5000} ${nowMs}`,
    `node_memory_working_set_bytes 2048 ${nowMs}`,
    `container_cpu_usage_seconds_total{${pod}} ${nowMs / 10_000} ${nowMs}`,
    `container_memory_working_set_bytes{${pod}} 1024 ${nowMs}`,
  ].join('\n')
}

describe('the figures of all nodes', () => {
  it('are there after a second look, and follow the nodes that there are', async () => {
    const clock = new VirtualClock(1_000_000)
    const warnings: string[] = []
    let nodes = new Map([
      ['node-1', 'up'],
      ['node-2', 'down'],
    ])
    const metrics = startResourceMetrics({
      nodes: () => nodes,
      async ask(node: string) {
        if (node === 'down') throw new Error('connection refused')
        return answerAt(clock.now())
      },
      clock,
      log: { ...silentLog, warn: (text) => void warnings.push(text) },
    })
    await clock.advanceAsync(1)
    expect(metrics.node('node-1')).toBeUndefined()
    await clock.advanceAsync(5000)
    expect(metrics.node('node-1')).toMatchObject({ cpuNanocores: 200_000_000, memoryBytes: 2048, windowMs: 5000 })
    expect(metrics.pod('default', 'web')?.get('main')).toMatchObject({ cpuNanocores: 100_000_000, memoryBytes: 1024 })
    expect(metrics.node('node-2')).toBeUndefined()
    await clock.advanceAsync(15_000)
    expect(metrics.node('node-1')?.windowMs).toBe(15_000)
    nodes = new Map([['node-2', 'down']])
    await clock.advanceAsync(15_000)
    expect(metrics.node('node-1')).toBeUndefined()
    expect(metrics.pod('default', 'web')).toBeUndefined()
    metrics.stop()
    expect(warnings).toEqual(['usage of node node-2: connection refused'])
  })
})
