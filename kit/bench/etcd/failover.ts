/**
 * Failover: the leader of three is killed; how long until a survivor acknowledges a put again. Both kinds have the same time-outs, so this is
 * one election timeout, drawn at random between one and two seconds, and whatever is wasted on top.
 */
import type { BenchContext } from '../benchmark.ts'
import type { EtcdCluster } from './cluster.ts'
import { type Contest, measureInTurns } from './contest.ts'
import { connect } from './loads.ts'

export async function measureFailover(context: BenchContext, clusters: Contest<EtcdCluster>): Promise<void> {
  const rounds = context.quick ? 1 : 7
  const what = `failover: kill −9 of the leader until a put is acknowledged${rounds > 1 ? `, median of ${rounds}` : ''}`
  let round = 0
  const measured = await measureInTurns(clusters, rounds, async (cluster) => {
    context.progress(`failover, round ${Math.floor(round++ / (clusters.real ? 2 : 1)) + 1} of ${rounds}`)
    const tookMs = await failOver(context, cluster)
    await cluster.startAll()
    // What was away has caught up, and everyone has heard of the leader for a while: each round begins like the first.
    await pause(context, 1_500)
    return tookMs
  })
  context.measured({ what, unit: 'ms', ...measured })
}

const TRY_EVERY_MS = 20
const PATIENCE_MS = 30_000

/**
 * A put may wait for the dead leader until its time is up. So every few milliseconds another one is sent to either survivor, and the first one that is
 * acknowledged counts.
 */
async function failOver(context: BenchContext, cluster: EtcdCluster): Promise<number> {
  const leader = await cluster.leader()
  const undos: (() => void | Promise<void>)[] = []
  const survivors = cluster.endpoints.filter((endpoint) => endpoint !== leader)
  const calls = survivors.map((endpoint) => connect({ cleanup: (undo) => undos.push(undo) }, endpoint, 1))
  const key = Buffer.from('failover')
  try {
    // The connections stand before the clock runs.
    await Promise.all(calls.map((call) => call(0, 'Range', { key, serializable: true })))
    cluster.kill(leader)
    const startMs = performance.now()
    let acknowledgedMs: number | undefined
    while (acknowledgedMs === undefined) {
      if (performance.now() - startMs > PATIENCE_MS) throw new Error('no survivor acknowledged a put')
      for (const call of calls) {
        call(0, 'Put', { key, value: Buffer.from('v') }).then(
          () => {
            acknowledgedMs ??= performance.now() - startMs
          },
          () => {},
        )
      }
      await pause(context, TRY_EVERY_MS)
    }
    return acknowledgedMs
  } finally {
    for (const undo of undos) await undo()
  }
}

async function pause({ signal }: BenchContext, ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
  signal.throwIfAborted()
}
