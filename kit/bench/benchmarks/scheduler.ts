/**
 * The scheduler end to end: pods are created through the API server, and the clock stops when the last one is bound. Nodes and
 * pods are objects only, nothing runs.
 *
 * The four constrained workloads have the sizes at which the real scheduler was recorded.
 */
import type { Node, Pod, PodSpec, Taint } from '../../api/objects.ts'
import { resources } from '../../api/resources.ts'
import type { ApiClient } from '../../contracts/api-client.ts'
import type { BenchContext, Benchmark } from '../benchmark.ts'
import type { Reference } from '../figures.ts'
import { recorded } from '../recorded.ts'
import { type ControlPlane, createStand, startControlPlane } from '../stand.ts'

const ZONE = 'topology.kubernetes.io/zone'
const HOST = 'kubernetes.io/hostname'
const ZONES = 10
/** Pods of one application; they spread, or avoid each other, among themselves. */
const GROUPS = 10
const WRITERS = 16
const MAX_MS = 60_000

interface Workload {
  readonly what: string
  readonly nodes: number
  readonly pods: number
  readonly reference?: Reference
  constraints?(group: string, number: number): Partial<PodSpec>
  taints?(number: number): Taint[]
}

const PLAIN: Workload = { what: 'no constraints', nodes: 500, pods: 1_000 }
const PLAIN_QUICK: Workload = { what: 'no constraints', nodes: 100, pods: 200 }

const CONSTRAINED: readonly Workload[] = [
  {
    what: 'node affinity',
    nodes: 1_000,
    pods: 2_000,
    reference: recorded.scheduleNodeAffinity,
    constraints: (_, number) => ({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: ZONE, operator: 'In', values: [zoneOf(number), zoneOf(number + 1)] }] },
            ],
          },
        },
      },
    }),
  },
  {
    what: 'taints',
    nodes: 1_000,
    pods: 2_000,
    reference: recorded.scheduleTaints,
    taints: (number) => (number % 2 === 0 ? [{ key: 'dedicated', value: 'batch', effect: 'NoSchedule' }] : []),
    constraints: (_, number) =>
      number % 2 === 0
        ? { tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'batch', effect: 'NoSchedule' }] }
        : {},
  },
  {
    what: 'zone spread',
    nodes: 1_000,
    pods: 2_000,
    reference: recorded.scheduleZoneSpread,
    constraints: (group) => ({
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: ZONE,
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { group } },
        },
      ],
    }),
  },
  {
    what: 'host anti-affinity',
    nodes: 1_000,
    pods: 2_000,
    reference: recorded.scheduleHostAntiAffinity,
    constraints: (group) => ({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: HOST, labelSelector: { matchLabels: { group } } },
          ],
        },
      },
    }),
  },
]

export const scheduler: Benchmark = {
  name: 'scheduler',
  about: 'Pods created to pods bound: our scheduler on our API server and etcd, nodes as objects only',

  async run(context) {
    const stand = await createStand(context)
    for (const workload of context.quick ? [PLAIN_QUICK] : [PLAIN, ...CONSTRAINED]) {
      context.progress('starting etcd, API server and scheduler')
      const plane = await startControlPlane(context, stand, { etcd: 'ours', programs: ['kube-scheduler'] })
      await measureWorkload(context, plane, workload)
      plane.assertUnharmed()
      await plane.stop()
    }
  },
}

async function measureWorkload(context: BenchContext, plane: ControlPlane, workload: Workload) {
  const { client } = plane
  const { nodes, pods, reference } = workload
  const what = `${workload.what}: ${pods.toLocaleString('en')} pods, ${nodes.toLocaleString('en')} nodes`
  context.progress(`${what}: creating the nodes`)
  await inParallel(context, nodes, (number) => createNode(client, number, workload.taints?.(number) ?? []))
  const watching = new AbortController()
  context.cleanup(() => watching.abort())
  const { resourceVersion } = await client.list(resources.pods, { namespace: 'default' })
  const bound = countBound(client, resourceVersion, pods, watching.signal)

  context.progress(what)
  const startMs = performance.now()
  await inParallel(context, pods, (number) => client.create<Pod>(resources.pods, podNumber(number, workload)))
  const createdMs = performance.now() - startMs
  await bound.allOrTimeout(MAX_MS - createdMs)
  watching.abort()
  context.signal.throwIfAborted()

  const count = bound.count()
  if (count === 0) throw new Error(`${what}: not one pod was bound within ${MAX_MS / 1000} s`)
  if (count < pods) context.note(`${what}: only ${count} were bound within ${MAX_MS / 1000} s; the rate counts those.`)
  context.measured({
    what,
    unit: 'per second',
    ours: { value: count / ((bound.lastMs() - startMs) / 1000) },
    ...(reference && { reference, target: { ratio: 1 } }),
  })
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  context.note(
    `${what}: creating the pods took ${seconds(createdMs)} of ${seconds(bound.lastMs() - startMs)}. ${usedBy(plane)}`,
  )
}

/** Processor time and memory: who was the bottleneck. */
function usedBy({ cpuSeconds, memoryMB }: ControlPlane): string {
  const components = ['kube-apiserver', 'kube-scheduler', 'etcd-1'].map((name) => {
    const [cpu, memory] = [cpuSeconds(name), memoryMB(name)]
    return cpu === undefined || memory === undefined ? '' : `${name} ${cpu.toFixed(1)} s, ${memory.toFixed(0)} MB`
  })
  const known = components.filter((text) => text !== '').join('; ')
  return known === '' ? '' : `Processor time since the start, and memory: ${known}.`
}

/** Counts pods that have a node, by watching. */
function countBound(client: ApiClient, resourceVersion: string, wanted: number, signal: AbortSignal) {
  const bound = new Set<string>()
  let lastMs = performance.now()
  const all = (async () => {
    const events = client.watch<Pod>(resources.pods, { namespace: 'default', resourceVersion }, signal)
    for await (const { type, object } of events) {
      if (type !== 'MODIFIED' || !object.spec?.nodeName || bound.has(object.metadata.name)) continue
      bound.add(object.metadata.name)
      lastMs = performance.now()
      if (bound.size === wanted) return
    }
  })()
  all.catch(() => {})
  return {
    count: () => bound.size,
    lastMs: () => lastMs,
    async allOrTimeout(ms: number) {
      let timer: NodeJS.Timeout | undefined
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, Math.max(0, ms))
      })
      await Promise.race([all, timeout])
      clearTimeout(timer)
    },
  }
}

async function inParallel(context: BenchContext, count: number, act: (number: number) => Promise<unknown>) {
  let next = 0
  const writer = async () => {
    while (next < count) {
      context.signal.throwIfAborted()
      await act(next++)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, writer))
}

async function createNode(client: ApiClient, number: number, taints: Taint[]): Promise<void> {
  const name = `fake-${number}`
  const node = await client.create<Node>(resources.nodes, {
    metadata: { name, labels: { [HOST]: name, [ZONE]: zoneOf(number) } },
    spec: { taints },
  })
  const room = { cpu: '4', memory: '16Gi', pods: '110' }
  const status = {
    capacity: room,
    allocatable: room,
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
  }
  await client.update<Node>(resources.nodes, { ...node, status }, 'status')
}

function podNumber(number: number, workload: Workload): Pod {
  const group = `group-${number % GROUPS}`
  return {
    metadata: { name: `pod-${number}`, namespace: 'default', labels: { group } },
    spec: {
      containers: [{ name: 'main', image: 'pause', resources: { requests: { cpu: '100m', memory: '100Mi' } } }],
      ...workload.constraints?.(group, number),
    },
  }
}

function zoneOf(number: number): string {
  return `zone-${number % ZONES}`
}
