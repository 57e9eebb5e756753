/**
 * The API server over TLS, with authentication and authorization as in a cluster: on our etcd, then on the real one.
 *
 * Each client has a connection of its own and sends its next request when the last was answered. The real API server is not
 * installed on a learner's machine: its figures are recorded ones.
 */
import type { ConfigMap, Pod } from '../../api/objects.ts'
import type { BenchContext, Benchmark } from '../benchmark.ts'
import type { Figure } from '../figures.ts'
import { compareUnderLoad, type LoadShape, type Operate, type System } from '../load.ts'
import { recorded } from '../recorded.ts'
import { connectPool, type Request, type RequestPool } from '../request-pool.ts'
import { type ControlPlane, createStand, type EtcdKind, realEtcdVersion, startControlPlane } from '../stand.ts'
import { measureFanOut } from '../watch-fan-out.ts'

const NAMESPACE = '/api/v1/namespaces/default'
const PODS = 2_000
const MOST_CLIENTS = 32

export const apiserver: Benchmark = {
  name: 'apiserver',
  about: 'Our API server over TLS, on our etcd and on the real one: create, get, list, watch, patch, delete',

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
  const load = (what: string, clients: number, operate: Operate, about: Omit<Figure, 'what' | 'unit' | 'ours'> = {}) =>
    measureRate(
      context,
      `${what}, ${clients} client${clients === 1 ? '' : 's'}, ${on}`,
      clients,
      underLoad(operate),
      about,
    )
  const underLoad = (operate: Operate): System => ({ operate, cpuSeconds: () => plane.cpuSeconds('kube-apiserver') })
  const atLeastEqual = { ratio: 1 }

  const created: string[] = []
  const create = createConfigMap(pool, created)
  await load('create ConfigMap', 1, create, { reference: recorded.createOneClient, target: atLeastEqual })
  await load('create ConfigMap', 32, create, { reference: recorded.create32Clients, target: atLeastEqual })
  await load('merge-patch ConfigMap', 16, patchConfigMap(pool, created), {
    reference: recorded.mergePatch16Clients,
    target: atLeastEqual,
  })
  context.progress(`creating pods ${on}`)
  const pods = context.quick ? 200 : PODS
  await createPods(pool, pods, context.signal)
  await load('get pod', 32, getPod(pool, pods), { reference: recorded.get32Clients, target: atLeastEqual })
  await measureList(context, pool, pods, on)
  await measureFanOut(context, plane, pool, on)
  await measureDeletes(context, pool, created, on)
  const memory = plane.memoryMB('kube-apiserver')
  if (memory !== undefined) {
    context.measured({ what: `memory of the API server afterwards, ${on}`, unit: 'MB', ours: { value: memory } })
  }
  pool.close()
}

async function measureRate(
  context: BenchContext,
  what: string,
  clients: number,
  ours: System,
  about: Omit<Figure, 'what' | 'unit' | 'ours'>,
): Promise<void> {
  context.progress(what)
  const shape: LoadShape = { clients, maxOperations: 10_000, maxMs: context.quick ? 500 : 2_000 }
  const rounds = context.quick ? 1 : 3
  const result = await compareUnderLoad({ shape, rounds, ours, signal: context.signal })
  context.measured({ what, unit: 'per second', ours: result.ours, ...about })
}

/** About 1 KiB, as many a real one has. Their names are collected for the loads that follow. */
function createConfigMap(pool: RequestPool, created: string[]): Operate {
  let count = 0
  const data = { 'settings.conf': 'key = value\n'.repeat(80) }
  return async (client) => {
    const name = `bench-${count++}`
    const body: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }
    await pool.send(client, { method: 'POST', path: `${NAMESPACE}/configmaps`, body })
    created.push(name)
  }
}

/** Every client has objects of its own, so no two patches meet. */
function patchConfigMap(pool: RequestPool, names: readonly string[]): Operate {
  let count = 0
  return (client) =>
    pool.send(client, {
      method: 'PATCH',
      path: `${NAMESPACE}/configmaps/${names[client]}`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { round: `${count++}` } } },
    })
}

function getPod(pool: RequestPool, pods: number): Operate {
  let count = 0
  return (client) => pool.send(client, { method: 'GET', path: `${NAMESPACE}/pods/pod-${count++ % pods}` })
}

async function createPods(pool: RequestPool, count: number, signal: AbortSignal): Promise<void> {
  let next = 0
  const client = async (number: number) => {
    while (next < count) {
      signal.throwIfAborted()
      await pool.send(number, { method: 'POST', path: `${NAMESPACE}/pods`, body: podNamed(`pod-${next++}`) })
    }
  }
  await Promise.all(Array.from({ length: MOST_CLIENTS }, (_, number) => client(number)))
}

function podNamed(name: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'bench' } },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'brain-and-muscle/demo:1',
          env: [{ name: 'MODE', value: 'bench' }],
          ports: [{ containerPort: 8080 }],
          resources: { requests: { cpu: '10m', memory: '16Mi' } },
        },
      ],
    },
  }
}

async function measureList(context: BenchContext, pool: RequestPool, pods: number, on: string): Promise<void> {
  const what = `list ${pods.toLocaleString('en')} pods, 1 client, ${on}`
  context.progress(what)
  const list: Request = { method: 'GET', path: `${NAMESPACE}/pods` }
  const seen = (await pool.send(0, list)).toString().split('"uid":').length - 1
  if (seen !== pods) throw new Error(`the list has ${seen} pods instead of ${pods}`)
  const { ours } = await compareUnderLoad({
    shape: { clients: 1, maxOperations: 50, maxMs: context.quick ? 1_000 : 5_000 },
    rounds: 1,
    ours: { operate: (client) => pool.send(client, list) },
    signal: context.signal,
  })
  const comparable = pods === PODS ? { reference: recorded.list2000Pods, target: { ratio: 1 } } : {}
  context.measured({ what, unit: 'ms', ours: { ...ours, value: ours.p50Ms ?? Number.NaN }, ...comparable })
}

async function measureDeletes(context: BenchContext, pool: RequestPool, names: string[], on: string): Promise<void> {
  const clients = 32
  const what = `delete ConfigMap, ${clients} clients, ${on}`
  if (names.length < 4 * clients) return context.note(`${what}: not measured, too few had been created.`)
  context.progress(what)
  const remove: Operate = (client) =>
    pool.send(client, { method: 'DELETE', path: `${NAMESPACE}/configmaps/${names.pop()}` })
  const { ours } = await compareUnderLoad({
    // The warm-up deletes as well, and every client may be one ahead.
    shape: { clients, maxOperations: Math.floor(names.length / 2) - clients, maxMs: context.quick ? 500 : 2_000 },
    rounds: 1,
    ours: { operate: remove },
    signal: context.signal,
  })
  context.measured({ what, unit: 'per second', ours, reference: recorded.delete32Clients, target: { ratio: 1 } })
}
