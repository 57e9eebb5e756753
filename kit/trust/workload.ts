/**
 * Clients that write, read, swap and delete a few keys through different members, and a record of what they asked, when, and what they
 * were told.
 *
 * A write that failed for sure is left out; one whose fate nobody knows stays in the record without an answer. Values are never used twice.
 */
import { createEtcdClient, type EtcdClient, type EtcdError } from '../etcd-api/client.ts'
import type { KeyValue, RangeResponse, TxnResponse } from '../etcd-api/messages.ts'
import type { Random } from '../sim/random.ts'
import {
  isWrite,
  keysOf,
  type StoreAnswer,
  type StoreOperation,
  type StoreRequest,
  type Version,
} from './store-model.ts'

export const PREFIX = 'k/'
const ALL_KEYS = { key: PREFIX, rangeEnd: 'k0' }

export interface WorkloadOptions {
  readonly members: readonly string[]
  readonly endpoint: (name: string) => string
  /** Whether it is worth asking a member: one whose process does not run can only refuse. */
  readonly isUp: (name: string) => boolean
  readonly random: Random
  readonly keys: number
  /** So many clients stay with each member, and as many again as there are members move about. */
  readonly clientsPerMember: number
  readonly timeoutMs: number
  /** Longest pause of a client between two operations. */
  readonly thinkMs: number
}

export interface Workload {
  readonly operations: readonly StoreOperation[]
  /** Operations that have ended, with an answer or without. */
  readonly counts: { readonly answered: number; readonly failed: number }
  /** Resolves when the condition holds; it is looked at after every operation. Rejects when that takes too long. */
  until(what: string, isTrue: () => boolean, limitMs: number): Promise<void>
  /** One more operation, by a client of its own. */
  ask(member: string, request: StoreRequest): Promise<StoreAnswer | undefined>
  /** Lets every client finish what it is doing. */
  stop(): Promise<void>
  close(): void
}

export function startWorkload(options: WorkloadOptions): Workload {
  const { members, random, endpoint, timeoutMs } = options
  const clients = new Map(members.map((name) => [name, createEtcdClient({ endpoints: [endpoint(name)], timeoutMs })]))
  const recorder = new Recorder()
  const known = new Map<string, number>()
  const waiting = new Set<() => void>()
  let isStopping = false
  let values = 0

  const ask = async (client: string, member: string, request: StoreRequest) => {
    const answer = await recorder.record(client, member, request, () => perform(clients.get(member)!, request))
    if (answer) learn(known, request, answer)
    for (const look of waiting) look()
    return answer
  }

  const runClient = async (client: string, home: string | undefined) => {
    while (!isStopping) {
      const member = home ?? random.pick(members)
      const request = nextRequest(options, known, () => `${client}-${++values}`)
      if (options.isUp(member)) await ask(client, member, request)
      await pause(1 + random.below(options.thinkMs))
    }
  }

  const homes = members.flatMap((name) => Array.from({ length: options.clientsPerMember }, () => name))
  const running = [...homes, ...members.map(() => undefined)].map((home, index) => runClient(`c${index}`, home))
  return {
    operations: recorder.operations,
    counts: recorder.counts,
    until: (what, isTrue, limitMs) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void) => {
          waiting.delete(look)
          clearTimeout(timer)
          settle()
        }
        const look = () => isTrue() && end(resolve)
        const timer = setTimeout(() => end(() => reject(new Error(`not within ${limitMs / 1000} s: ${what}`))), limitMs)
        waiting.add(look)
        look()
      }),
    ask: (member, request) => ask('checker', member, request),
    async stop() {
      isStopping = true
      await Promise.all(running)
    },
    close() {
      for (const client of clients.values()) client.close()
    },
  }
}

/** Notes calls and returns in the order in which this process sees them. */
class Recorder {
  readonly operations: StoreOperation[] = []
  readonly counts = { answered: 0, failed: 0 }
  readonly #begunMs = performance.now()
  #moments = 0

  /** Resolves with undefined when the operation failed, or nobody knows. */
  async record(client: string, member: string, request: StoreRequest, perform: () => Promise<StoreAnswer>) {
    const about = { client, member, request, calledAt: this.#moments++, fromMs: this.#sinceBegun() }
    try {
      const answer = await perform()
      this.operations.push({ ...about, answer, returnedAt: this.#moments++, toMs: this.#sinceBegun() })
      this.counts.answered++
      return answer
    } catch (error) {
      this.counts.failed++
      const { name, definite } = error as EtcdError
      if (name !== 'EtcdError') throw error
      if (isWrite(request) && !definite) this.operations.push({ ...about, returnedAt: Infinity, toMs: Infinity })
      return undefined
    }
  }

  #sinceBegun(): number {
    return performance.now() - this.#begunMs
  }
}

function nextRequest(
  { random, keys }: WorkloadOptions,
  known: ReadonlyMap<string, number>,
  unique: () => string,
): StoreRequest {
  const key = `${PREFIX}${random.below(keys)}`
  const kind = random.pick([
    'get',
    'get',
    'get',
    'list',
    'put',
    'put',
    'put',
    'swap',
    'swap',
    'pair',
    'delete',
  ] as const)
  switch (kind) {
    case 'get':
    case 'delete':
      return { kind, key }
    case 'list':
      return { kind }
    case 'put':
      return { kind, key, value: unique() }
    case 'swap':
    case 'pair': {
      const other = `${PREFIX}${random.below(keys)}`
      const isPair = kind === 'pair' && other !== key
      return { kind: 'swap', keys: isPair ? [key, other] : [key], ifRevision: known.get(key) ?? 0, value: unique() }
    }
  }
}

/** Remembers each key's newest revision that anybody was told, so that swaps are worth trying. */
function learn(known: Map<string, number>, request: StoreRequest, { revision, found, succeeded }: StoreAnswer): void {
  for (const [key, version] of Object.entries(found)) known.set(key, version?.modRevision ?? 0)
  if (request.kind === 'delete') known.set(request.key, 0)
  if (request.kind === 'put' || succeeded) for (const key of keysOf(request)) known.set(key, revision)
}

async function perform(client: EtcdClient, request: StoreRequest): Promise<StoreAnswer> {
  switch (request.kind) {
    case 'get': {
      const response = await client.range({ key: request.key })
      return { revision: response.header!.revision, found: { [request.key]: versionOf(response.kvs[0]) } }
    }
    case 'list': {
      const response = await client.range(ALL_KEYS)
      return { revision: response.header!.revision, found: foundIn(response) }
    }
    case 'put': {
      const { header, prevKv } = await client.put({ key: request.key, value: request.value, prevKv: true })
      return { revision: header!.revision, found: { [request.key]: versionOf(prevKv) } }
    }
    case 'delete': {
      const { header, prevKvs } = await client.deleteRange({ key: request.key, prevKv: true })
      return { revision: header!.revision, found: { [request.key]: versionOf(prevKvs[0]) } }
    }
    case 'swap': {
      const { keys, ifRevision, value } = request
      const response = await client.txn({
        compare: [{ key: keys[0]!, target: 'MOD', result: 'EQUAL', modRevision: ifRevision }],
        success: keys.map((key) => ({ requestPut: { key, value, prevKv: true } })),
        failure: [{ requestRange: { key: keys[0]! } }],
      })
      return { revision: response.header!.revision, succeeded: response.succeeded, found: foundBySwap(keys, response) }
    }
  }
}

function foundBySwap(keys: readonly string[], { succeeded, responses }: TxnResponse): StoreAnswer['found'] {
  if (!succeeded) return { [keys[0]!]: versionOf(responses[0]!.responseRange!.kvs[0]) }
  return Object.fromEntries(keys.map((key, index) => [key, versionOf(responses[index]!.responsePut!.prevKv)]))
}

export function foundIn({ kvs }: RangeResponse): StoreAnswer['found'] {
  return Object.fromEntries(kvs.map((kv) => [kv.key.toString(), versionOf(kv)]))
}

export function versionOf(kv: KeyValue | undefined): Version | null {
  if (!kv) return null
  const { value, createRevision, modRevision, version } = kv
  return { value: value.toString(), createRevision, modRevision, version }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
