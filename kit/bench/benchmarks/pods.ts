/**
 * A pod from its creation to Running, beside `docker run` of the same image, in turns on one idle cluster with one node.
 *
 * A pod is two containers (its sandbox and its own), goes through API server, scheduler and kubelet, and its status comes back
 * the same way; `docker run` starts one container. Both are asked for again only when the last one is gone.
 */
import { spawnSync } from 'node:child_process'
import type { Pod } from '../../api/objects.ts'
import { resources } from '../../api/resources.ts'
import { hasReason } from '../../api/status-error.ts'
import { createApiClient } from '../../client/api-client.ts'
import { loadKubeconfig } from '../../client/kubeconfig.ts'
import { CLUSTER_LABEL } from '../../cluster/network.ts'
import type { ApiClient } from '../../contracts/api-client.ts'
import { hasTool } from '../../testing/tools.ts'
import type { BenchContext, Benchmark } from '../benchmark.ts'
import { timeCommand } from '../command.ts'
import { median, percentile } from '../statistics.ts'
import { startCluster } from './cluster.ts'

const IMAGE = 'brain-and-muscle/demo:1'
const COMMAND = ['sh', '-c', 'trap exit TERM; while true; do sleep 1; done']
const TIMEOUT_MS = 30_000

export const pods: Benchmark = {
  name: 'pods',
  about: 'One pod at a time, created to Running, beside `docker run` of the same image',

  async obstacle() {
    if (!hasTool('docker'))
      return 'it needs a Docker engine, and none answers here (npm run doctor says how to get one).'
    if (spawnSync('docker', ['--version'], { stdio: 'ignore' }).status !== 0) {
      return 'it needs the `docker` command to compare with, and it is not installed here.'
    }
    return undefined
  },

  async run(context) {
    context.progress('starting a cluster with one node')
    const { directory, ready, stop } = startCluster(context, ['--nodes', '1', '--etcd-members', '1'])
    await ready
    const client = createApiClient(loadKubeconfig(directory.kubeconfig))
    context.cleanup(() => client.close())
    const ours: number[] = []
    const theirs: number[] = []
    const rounds = context.quick ? 3 : 15
    // The first round of both is thrown away: caches.
    for (let round = 0; round <= rounds; round++) {
      context.progress(`pod and docker run, ${round} of ${rounds}`)
      const podMs = await timePod(context, client, `bench-${round}`)
      const dockerMs = await timeDockerRun(context, directory.name, round)
      if (round === 0) continue
      ours.push(podMs)
      theirs.push(dockerMs)
    }
    client.close()
    await stop()
    context.measured({
      what: `pod create to Running, median of ${rounds}`,
      unit: 'ms',
      ours: summary(ours),
      reference: { name: 'docker run -d', origin: 'measured', ...summary(theirs) },
      target: { ratio: 1.2 },
    })
  },
}

function summary(times: readonly number[]) {
  return { value: median(times) ?? Number.NaN, p50Ms: percentile(times, 50), p99Ms: percentile(times, 99) }
}

async function timePod(context: BenchContext, client: ApiClient, name: string): Promise<number> {
  const watching = new AbortController()
  context.cleanup(() => watching.abort())
  const { resourceVersion } = await client.list(resources.pods, { namespace: 'default' })
  const running = untilRunning(client, name, resourceVersion, watching.signal)
  const startMs = performance.now()
  await client.create<Pod>(resources.pods, {
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'main', image: IMAGE, command: COMMAND }] },
  })
  const late = setTimeout(() => watching.abort(), TIMEOUT_MS)
  const wasRunning = await running
  const tookMs = performance.now() - startMs
  clearTimeout(late)
  watching.abort()
  if (!wasRunning) throw new Error(`pod ${name} was not Running within ${TIMEOUT_MS / 1000} s`)
  await client.delete(resources.pods, { namespace: 'default', name }, { gracePeriodSeconds: 1 })
  await untilGone(context, client, name)
  return tookMs
}

async function untilRunning(client: ApiClient, name: string, resourceVersion: string, signal: AbortSignal) {
  for await (const { object } of client.watch<Pod>(
    resources.pods,
    { namespace: 'default', fieldSelector: `metadata.name=${name}`, resourceVersion },
    signal,
  )) {
    if (object.status?.phase === 'Running') return true
  }
  return false
}

async function untilGone(context: BenchContext, client: ApiClient, name: string): Promise<void> {
  const deadlineMs = Date.now() + TIMEOUT_MS
  while (Date.now() < deadlineMs) {
    context.signal.throwIfAborted()
    try {
      await client.get(resources.pods, { namespace: 'default', name })
    } catch (error) {
      if (hasReason(error, 'NotFound')) return
      throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`pod ${name} was not gone within ${TIMEOUT_MS / 1000} s`)
}

/** The container carries the cluster's label, so whatever cleans up the cluster takes it along. */
async function timeDockerRun(context: BenchContext, clusterName: string, round: number): Promise<number> {
  const container = `${clusterName}-run-${round}`
  const label = `${CLUSTER_LABEL}=${clusterName}`
  const tookMs = await timeCommand(
    context,
    ['docker', 'run', '-d', '--pull', 'never', '--name', container, '--label', label, IMAGE, ...COMMAND],
    { timeoutMs: TIMEOUT_MS },
  )
  await timeCommand(context, ['docker', 'rm', '-f', container], { timeoutMs: TIMEOUT_MS })
  return tookMs
}
