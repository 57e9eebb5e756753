/**
 * A cluster's cold start, as its user sees it: from entering `npm start` to "Ready", all nodes Ready. Certificates and the
 * bundling of the programs are part of it; images exist (they are made once on a machine).
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Dockerode from 'dockerode'
import { type ClusterDirectory, clusterDirectory, readJsonFile } from '../../cluster/cluster-directory.ts'
import type { ClusterState } from '../../cluster/supervisor.ts'
import { tearDown } from '../../cluster/teardown.ts'
import { ensureImages } from '../../images/ensure-images.ts'
import { repositoryRoot } from '../../labs/catalog.ts'
import { hasTool } from '../../testing/tools.ts'
import type { BenchContext, Benchmark } from '../benchmark.ts'
import { type RunningCommand, runCommand } from '../command.ts'
import { memoryMB } from '../process-use.ts'
import { recorded } from '../recorded.ts'
import { benchClusterName } from '../stand.ts'
import { median } from '../statistics.ts'

const TARGET_SECONDS = 5

export const cluster: Benchmark = {
  name: 'cluster',
  about: '`npm start` to all nodes Ready: 3 etcd members, 2 nodes, nothing there before',

  async run(context) {
    await measureRuntime(context, 'fake')
    if (!hasTool('docker')) return context.note('No Docker engine answers here: only the fake runtime was measured.')
    context.progress('making the images')
    await ensureImages(new Dockerode())
    await measureRuntime(context, 'docker')
  },
}

async function measureRuntime(context: BenchContext, runtime: 'docker' | 'fake'): Promise<void> {
  const seconds: number[] = []
  const memory: number[] = []
  const runs = context.quick ? 1 : 3
  for (let run = 1; run <= runs; run++) {
    context.progress(`cold start with the ${runtime} runtime, ${run} of ${runs}`)
    const startMs = performance.now()
    const started = startCluster(context, ['--runtime', runtime])
    await started.ready
    seconds.push((performance.now() - startMs) / 1000)
    const megabytes = controlPlaneMemoryMB(started.directory)
    if (megabytes !== undefined) memory.push(megabytes)
    await started.stop()
  }
  const target = { value: TARGET_SECONDS }
  const value = median(seconds) ?? Number.NaN
  const what = `cold start, ${runtime} runtime, median of ${runs}`
  context.measured({
    what,
    unit: 's',
    ours: { value },
    target,
    ...(runtime === 'docker' && { reference: recorded.coldStart }),
  })
  context.note(`${what}: ${seconds.map((one) => one.toFixed(1)).join(', ')} s.`)
  if (memory.length === 0) return
  context.measured({
    what: `control plane's memory, ${runtime} runtime, idle, one etcd member counted`,
    unit: 'MB',
    ours: { value: median(memory) ?? Number.NaN },
    reference: recorded.controlPlaneMemory,
  })
  context.note(
    'The recorded memory is that of components at work, ours of idle ones: so there is no verdict (target: 0.6×).',
  )
}

export interface StartedCluster {
  readonly directory: ClusterDirectory
  /** All nodes are Ready. */
  readonly ready: Promise<void>
  /** Stops it and removes its data. */
  stop(): Promise<void>
}

/** A cluster of the bench's own, by the command that users type. */
export function startCluster(context: BenchContext, flags: readonly string[]): StartedCluster {
  const name = benchClusterName()
  const directory = clusterDirectory(name, repositoryRoot)
  let command: RunningCommand | undefined
  const stop = async () => {
    await command?.interrupt()
    await tearDown(directory)
    rmSync(directory.root, { recursive: true, force: true })
  }
  context.cleanup(stop)
  const mine = context.mine ? ['--mine', context.mine] : []
  const up = join(repositoryRoot, 'kit', 'cli', 'start.mjs')
  command = runCommand(context, [process.execPath, up, 'up', '--name', name, ...flags, ...mine], {
    timeoutMs: 120_000,
  })
  return { directory, ready: command.saying(/^Ready in /m), stop }
}

/** As upstream's recorded figure counts: API server, controller manager, scheduler, one etcd member. */
function controlPlaneMemoryMB(directory: ClusterDirectory): number | undefined {
  const { components = {} } = readJsonFile<ClusterState>(directory.stateFile) ?? {}
  const counted = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd-1']
  const each = counted.map((name) => memoryMB(components[name]?.pid))
  return each.reduce((sum, memory) => (sum === undefined || memory === undefined ? undefined : sum + memory), 0)
}
