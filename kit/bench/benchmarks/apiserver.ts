/**
 * The API server over TLS, with authentication and authorization as in a cluster: on our etcd, then on the real one.
 *
 * Each client has a connection of its own and sends its next request when the last was answered. The real API server is not
 * installed on a learner's machine: its figures are recorded ones.
 */
import { measureListMemory, measureListOfAll, measureSelectedLists } from '../apiserver/lists.ts'
import { createPods, measureGetPod, measureRequests } from '../apiserver/requests.ts'
import { MOST_CLIENTS, ProcessorUse, type Stage } from '../apiserver/stage.ts'
import { measureFanOut, measureKubeletWatches } from '../apiserver/watches.ts'
import type { BenchContext, Benchmark } from '../benchmark.ts'
import { recorded } from '../recorded.ts'
import { connectPool } from '../request-pool.ts'
import { type ControlPlane, createStand, type EtcdKind, realEtcdVersion, startControlPlane } from '../stand.ts'

/** How much of everything. */
const FULL = { somePods: 2_000, manyPods: 10_000, someWatchers: 100, manyWatchers: 1_000, updates: 200 }
const QUICK: typeof FULL = { somePods: 200, manyPods: 1_000, someWatchers: 20, manyWatchers: 100, updates: 50 }

export const apiserver: Benchmark = {
  name: 'apiserver',
  about:
    'Our API server over TLS, on our etcd and on the real one: create, get, list, watch, patch, delete, and memory',

  async run(context) {
    const stand = await createStand(context)
    const version = realEtcdVersion()
    const kinds: readonly EtcdKind[] = version ? ['ours', 'real'] : ['ours']
    if (!version) context.note('The real etcd is not installed here: only our own was used.')
    for (const etcd of kinds) {
      const on = etcd === 'ours' ? 'on our etcd' : `on etcd ${version}`
      context.progress(`starting the API server ${on}`)
      const plane = await startControlPlane(context, stand, { etcd })
      await measureOn(context, plane, on)
      plane.assertUnharmed()
      await plane.stop()
    }
  },
}

async function measureOn(context: BenchContext, plane: ControlPlane, on: string): Promise<void> {
  const pool = await connectPool(plane.connection, MOST_CLIENTS)
  context.cleanup(() => pool.close())
  const stage: Stage = { context, plane, pool, on, processor: new ProcessorUse(plane) }
  const { somePods, manyPods, someWatchers, manyWatchers, updates } = context.quick ? QUICK : FULL

  measureMemory(stage, 'at rest', { reference: recorded.apiServerMemory, target: { ratio: 0.6 } })
  await measureRequests(stage)
  await createPods(stage, 0, somePods)
  await measureGetPod(stage, somePods)
  await measureListOfAll(stage, somePods)
  await measureFanOut(stage, { watchers: someWatchers, updates })
  await measureFanOut(stage, { watchers: manyWatchers, updates: updates / 5 })
  await createPods(stage, somePods, manyPods)
  await measureListOfAll(stage, manyPods)
  await measureSelectedLists(stage, manyPods)
  await measureKubeletWatches(stage, { nodes: manyWatchers, pods: manyPods })
  measureMemory(stage, `with ${manyPods.toLocaleString('en')} pods`)
  await measureListMemory(stage, manyPods)
  context.note(`While requests, lists and fan-out were measured ${on}, ${stage.processor.text}.`)
  pool.close()
}

function measureMemory(
  { context, plane, on }: Stage,
  when: string,
  about: Partial<Parameters<BenchContext['measured']>[0]> = {},
): void {
  const memory = plane.memoryMB('kube-apiserver')
  if (memory === undefined) return
  context.measured({ what: `memory of the API server ${when}, ${on}`, unit: 'MB', ours: { value: memory }, ...about })
}
