/** Create, get, patch and delete, one object at a time: from one client, who waits, and from many, who keep the server busy. */
import type { ConfigMap, Pod } from '../../api/objects.ts'
import type { Operate } from '../load.ts'
import { recorded } from '../recorded.ts'
import type { RequestPool } from '../request-pool.ts'
import { atLeastEqual, MOST_CLIENTS, measureRate, NAMESPACE, type Stage } from './stage.ts'

const CONFIG_MAPS = `${NAMESPACE}/configmaps`
const PODS = `${NAMESPACE}/pods`

export async function measureRequests(stage: Stage): Promise<void> {
  const { pool } = stage
  await warmUp(stage)
  const names: string[] = []
  const create = createConfigMap(pool, names, 'bench')
  const get = getConfigMap(pool, names)
  const patch = patchConfigMap(pool, names)
  const measure = (
    what: string,
    clients: number,
    operate: Operate,
    reference?: (typeof recorded)[keyof typeof recorded],
  ) => measureRate(stage, { what, clients, operate, ...(reference && { about: { reference, target: atLeastEqual } }) })

  await measure('create ConfigMap', 1, create, recorded.createOneClient)
  await measure('create ConfigMap', 32, create, recorded.create32Clients)
  await measure('get ConfigMap', 1, get)
  await measure('get ConfigMap', 32, get)
  await measure('merge-patch ConfigMap', 1, patch)
  await measure('merge-patch ConfigMap', 16, patch, recorded.mergePatch16Clients)
  await measure('merge-patch ConfigMap', 32, patch)
  await measureDeletes(stage, names)
}

export function measureGetPod(stage: Stage, pods: number): Promise<void> {
  let count = 0
  const operate: Operate = (client) => stage.pool.send(client, { method: 'GET', path: `${PODS}/pod-${count++ % pods}` })
  const about = { reference: recorded.get32Clients, target: atLeastEqual }
  return measureRate(stage, { what: 'get pod', clients: 32, operate, about })
}

/**
 * A server that has just started runs code that its compiler has hardly seen. Its first second is of interest (the bench of the
 * cluster measures it), but not here, where one client's few requests are compared with those of a server that has run for long.
 */
async function warmUp({ context, pool, on }: Stage): Promise<void> {
  context.progress(`warming up ${on}`)
  const names: string[] = []
  const create = createConfigMap(pool, names, 'warm')
  const patch = patchConfigMap(pool, names)
  const rounds = context.quick ? 20 : 60
  const client = async (number: number) => {
    for (let round = 0; round < rounds; round++) await create(number)
    for (let round = 0; round < rounds; round++) await patch(number)
    for (let round = 0; round < rounds; round++) {
      context.signal.throwIfAborted()
      await pool.send(number, { method: 'DELETE', path: `${CONFIG_MAPS}/warm-${number * rounds + round}` })
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, number) => client(number)))
}

/** About 1 KiB, as many a real one has. Their names are collected for the loads that follow. */
function createConfigMap(pool: RequestPool, names: string[], prefix: string): Operate {
  let count = 0
  const data = { 'settings.conf': 'key = value\n'.repeat(80) }
  return async (client) => {
    const name = `${prefix}-${count++}`
    const body: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }
    await pool.send(client, { method: 'POST', path: CONFIG_MAPS, body })
    names.push(name)
  }
}

function getConfigMap(pool: RequestPool, names: readonly string[]): Operate {
  let count = 0
  return (client) => pool.send(client, { method: 'GET', path: `${CONFIG_MAPS}/${names[count++ % names.length]}` })
}

/** Every client has objects of its own, so no two patches meet. */
function patchConfigMap(pool: RequestPool, names: readonly string[]): Operate {
  let count = 0
  return (client) =>
    pool.send(client, {
      method: 'PATCH',
      path: `${CONFIG_MAPS}/${names[client]}`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { round: `${count++}` } } },
    })
}

async function measureDeletes(stage: Stage, names: string[]): Promise<void> {
  const { pool, context, on } = stage
  const operate: Operate = (client) => pool.send(client, { method: 'DELETE', path: `${CONFIG_MAPS}/${names.pop()}` })
  if (names.length < 16 * MOST_CLIENTS) return context.note(`delete, ${on}: not measured, too few had been created.`)
  await measureRate(stage, {
    what: 'delete ConfigMap',
    clients: 1,
    operate,
    maxOperations: Math.floor(names.length / 12),
  })
  // The warm-up deletes as well, then there are up to two rounds, and every client may be one ahead.
  const maxOperations = Math.floor(names.length / 3) - MOST_CLIENTS
  const about = { reference: recorded.delete32Clients, target: atLeastEqual }
  await measureRate(stage, { what: 'delete ConfigMap', clients: 32, operate, maxOperations, about })
}

/** Creates pods `from` up to, but without, `to`. One in a hundred is labelled `rare=yes`. */
export async function createPods({ pool, context, on }: Stage, from: number, to: number): Promise<void> {
  context.progress(`creating ${(to - from).toLocaleString('en')} pods ${on}`)
  let next = from
  const client = async (number: number) => {
    while (next < to) {
      context.signal.throwIfAborted()
      await pool.send(number, { method: 'POST', path: PODS, body: podNumber(next++) })
    }
  }
  await Promise.all(Array.from({ length: MOST_CLIENTS }, (_, number) => client(number)))
}

function podNumber(number: number): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${number}`, labels: { app: 'bench', ...(number % 100 === 0 && { rare: 'yes' }) } },
    spec: {
      // Bound already, ten to a node, and nobody there to run them.
      nodeName: `node-${number % 1_000}`,
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
