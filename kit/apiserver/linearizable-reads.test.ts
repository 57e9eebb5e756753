/**
 * Reads are answered from memory wherever that can be proved right. This is the proof's other half: random clients over a
 * slow etcd, and no read may ever know less than what had been acknowledged when it began.
 */
import { describe, expect } from 'vitest'
import { createRequestHandler } from '#apiserver/handle-request.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { createContext } from '#apiserver/server.ts'
import type { ApiObject } from '../api/objects.ts'
import type { ApiResponse, ListObject } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { createRandom, type Random } from '../sim/random.ts'
import { createSlowStore } from '../sim/slow-store.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { lesson } from '../testing/lesson.ts'
import { KeyVersions } from './key-versions.ts'

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const OBJECTS = 3
const CLIENTS = 6
const STEPS = 25

describe('reads are linearizable', () => {
  for (const progressIsReliable of [true, false]) {
    lesson(
      `never shows older state than what was acknowledged, ${progressIsReliable ? 'with' : 'without'} believable progress`,
      {
        scenario:
          'Six clients write, get, list and delete the same few objects; calls to etcd and its events come late and overtake each other.',
        rule: 'A read that begins after a write was acknowledged sees that write, or a later one.',
        source: 'etcd: KV API guarantees; KEP-2340',
      },
      async (context) => {
        const first = Number(process.env.SEED ?? 1)
        for (let seed = first; seed < first + 8; seed++) {
          context.seed(seed)
          await runClients(createRandom(seed), progressIsReliable)
        }
      },
    )
  }

  lesson(
    'asks again for whoever came while a question was under way',
    {
      scenario: 'A version is asked for; while that call is out, a write is acknowledged and somebody else asks.',
      rule: 'The second question travels in a call of its own, begun after it was asked; those that wait together share one.',
      source: 'Ongaro, Consensus: Bridging Theory and Practice, §6.4',
    },
    async () => {
      const calls: { keys: string[]; answer(modRevision: number): void }[] = []
      const call = (keys: string[], shape: (kvs: { modRevision: number }[]) => object) =>
        new Promise<never>((resolve) => {
          const answer = (modRevision: number) =>
            resolve({ header: { revision: modRevision }, ...shape([{ modRevision }]) } as never)
          calls.push({ keys, answer })
        })
      const versions = new KeyVersions({
        range: ({ key }) => call([String(key)], (kvs) => ({ kvs })),
        txn: ({ success = [] }) => {
          const keys = success.map((op) => String(op?.requestRange?.key))
          return call(keys, (kvs) => ({ responses: keys.map(() => ({ responseRange: { kvs } })) }))
        },
      })
      const early = versions.of('a')
      const late = [versions.of('a'), versions.of('b')]
      expect(calls.map(({ keys }) => keys)).toEqual([['a']])
      calls[0]!.answer(5)
      expect(await early).toEqual({ revision: 5, modRevision: 5 })
      expect(calls.map(({ keys }) => keys)).toEqual([['a'], ['a', 'b']])
      calls[1]!.answer(6)
      expect(await Promise.all(late)).toEqual([6, 6].map((revision) => ({ revision, modRevision: revision })))
    },
  )
})

/** What the clients know to be so: the newest version of each object whose write, or deletion, has been acknowledged. */
type Acknowledged = Map<string, number>

async function runClients(random: Random, progressIsReliable: boolean): Promise<void> {
  const clock = new VirtualClock()
  const store = createSlowStore({ etcd: createSimEtcdStore(), clock, random, maxDelayMs: 20, progressIsReliable })
  const options = { clock, log: silentLog, serviceClusterIpRange: '10.96.0.0/24' }
  const context = createContext(store, { ...options, disabledAdmissionPlugins: ['NamespaceLifecycle'] })
  const handle = createRequestHandler({ context, kinds: kindRows, tokens: ADMIN, log: silentLog })
  const send = async (method: string, path: string, body?: object) =>
    objectOf(
      await handle({
        method,
        path,
        query: {},
        credentials: { bearerToken: 'admin' },
        ...(method === 'PATCH' && { contentType: 'application/merge-patch+json' }),
        ...(body && { body }),
      }),
    )

  const acknowledged: Acknowledged = new Map()
  let running = CLIENTS
  const clients = Array.from({ length: CLIENTS }, async () => {
    for (let step = 0; step < STEPS; step++) await takeStep(random, send, acknowledged)
    running--
  })
  const all = Promise.all(clients)
  // Its rejection is looked at below, when time has been moved.
  all.catch(() => {
    running = 0
  })
  while (running > 0) await clock.advanceAsync(100)
  context.caches.stop()
  store.close()
  await all
}

const ADMIN = new Map([['admin', { name: 'admin', groups: ['system:masters'] }]])

type Send = (method: string, path: string, body?: object) => Promise<Answer>
interface Answer {
  readonly code: number
  readonly object: ApiObject
}

async function takeStep(random: Random, send: Send, acknowledged: Acknowledged): Promise<void> {
  const name = `object-${random.below(OBJECTS)}`
  const path = `${CONFIG_MAPS}/${name}`
  const before = new Map(acknowledged)
  switch (random.pick(['create', 'patch', 'patch', 'delete', 'get', 'get', 'get', 'list'] as const)) {
    case 'create':
      return acknowledge(acknowledged, name, await send('POST', CONFIG_MAPS, { metadata: { name } }))
    case 'patch':
      return acknowledge(acknowledged, name, await send('PATCH', path, { data: { n: `${random.below(1_000_000)}` } }))
    case 'delete':
      return void (await send('DELETE', path))
    case 'get': {
      const { code, object } = await send('GET', path)
      if (code === 200) expectNotOlder(object, before.get(name))
      return
    }
    case 'list': {
      const { object } = await send('GET', CONFIG_MAPS)
      const newest = Math.max(0, ...before.values())
      expectNotOlder(object, newest)
      for (const item of (object as ListObject).items) expectNotOlder(item, before.get(item.metadata?.name ?? ''))
    }
  }
}

function acknowledge(acknowledged: Acknowledged, name: string, { code, object }: Answer): void {
  if (code >= 300) return
  acknowledged.set(name, Math.max(acknowledged.get(name) ?? 0, Number(object.metadata?.resourceVersion)))
}

/** An object that was deleted meanwhile may be there again, but never as it was before. */
function expectNotOlder(object: ApiObject, acknowledged = 0): void {
  expect(Number(object.metadata?.resourceVersion)).toBeGreaterThanOrEqual(acknowledged)
}

function objectOf(response: ApiResponse): Answer {
  if (response.kind !== 'object') throw new Error(`a ${response.kind} instead of an object`)
  if (response.code >= 500) throw new Error(JSON.stringify(response.object))
  return response as Answer & typeof response
}
