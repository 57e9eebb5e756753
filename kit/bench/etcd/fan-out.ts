/**
 * Watch fan-out: many watchers of the same keys. How many events a second a member gets out of the door.
 */
import { serviceDefinition } from '../../etcd-api/services.ts'
import type { BenchContext } from '../benchmark.ts'
import { connectGrpc, type GrpcPool } from '../grpc-pool.ts'
import { type Contest, eachSide, measureInTurns } from './contest.ts'
import { type Call, connect, VALUE } from './loads.ts'

/** Enough to keep the member busy: it is the watchers that are measured, not one writer's wait. */
const WRITERS = 8

export async function measureFanOut(context: BenchContext, endpoints: Contest<string>): Promise<void> {
  const watchers = context.quick ? 20 : 100
  const updates = context.quick ? 100 : 300
  const what = `watch fan-out, ${watchers} watchers × ${updates} updates`
  context.progress(what)
  const systems = await eachSide(endpoints, (endpoint) => {
    const streams = connectGrpc(endpoint, watchers)
    context.cleanup(() => streams.close())
    return { streams, call: connect(context, endpoint, WRITERS) }
  })
  let round = 0
  const measured = await measureInTurns(systems, context.quick ? 1 : 5, ({ streams, call }) =>
    eventsPerSecond({ streams, call, watchers, updates, prefix: `watched/${round++}/`, signal: context.signal }),
  )
  context.measured({ what, unit: 'per second', ...measured })
}

interface Round {
  readonly streams: GrpcPool
  readonly call: Call
  readonly watchers: number
  readonly updates: number
  readonly prefix: string
  readonly signal: AbortSignal
}

/** Every watcher, on a stream of its own, must see every update; the clock stops when the last one has. */
async function eventsPerSecond({ streams, call, watchers, updates, prefix, signal }: Round): Promise<number> {
  const watches = await Promise.all(
    Array.from({ length: watchers }, (_, client) => openWatch(streams, client, prefix, updates)),
  )
  const startMs = performance.now()
  let begun = 0
  const writer = async (client: number) => {
    while (begun < updates) {
      signal.throwIfAborted()
      await call(client, 'Put', { key: Buffer.from(`${prefix}${begun++}`), value: VALUE })
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, client) => writer(client)))
  await Promise.all(watches.map(({ all }) => all))
  const seconds = (performance.now() - startMs) / 1000
  for (const { cancel } of watches) cancel()
  return (watchers * updates) / seconds
}

interface OpenWatch {
  /** Resolves when as many events have come as were wanted. */
  readonly all: Promise<void>
  cancel(): void
}

const PATIENCE_MS = 60_000

/** Resolves when the member has said that the watch stands. */
function openWatch(streams: GrpcPool, client: number, prefix: string, wanted: number): Promise<OpenWatch> {
  const { path, requestSerialize } = serviceDefinition('Watch', 'buffer').Watch!
  const rangeEnd = Buffer.from(`${prefix.slice(0, -1)}0`)
  const request = requestSerialize({ createRequest: { key: Buffer.from(prefix), rangeEnd } })
  return new Promise((resolve, reject) => {
    let seen = 0
    let seeAll = () => {}
    let miss: (error: Error) => void = reject
    const all = new Promise<void>((resolveAll, rejectAll) => {
      const timer = setTimeout(() => rejectAll(new Error(`a watcher saw ${seen} of ${wanted} updates`)), PATIENCE_MS)
      seeAll = () => {
        clearTimeout(timer)
        resolveAll()
      }
      miss = (error) => {
        clearTimeout(timer)
        rejectAll(error)
        reject(error)
      }
    })
    all.catch(() => {})
    const cancel = streams.open(client, path, request, {
      onMessage(message) {
        const events = countEvents(message)
        if (events === 0) resolve({ all, cancel })
        seen += events
        if (seen >= wanted) seeAll()
      },
      onEnd: (error) => miss(error ?? new Error('the watch ended')),
    })
  })
}

/** `WatchResponse.events`. */
const EVENTS_FIELD = 11
const LENGTH_DELIMITED = 2

/** How many events a WatchResponse holds: reading what is in them would take longer than the member needs to write it. */
export function countEvents(response: Buffer): number {
  let events = 0
  let offset = 0
  const varint = () => {
    let value = 0
    for (let weight = 1; ; weight *= 128) {
      const byte = response[offset++]!
      value += (byte & 0x7f) * weight
      if (byte < 0x80) return value
    }
  }
  while (offset < response.length) {
    const tag = varint()
    const value = varint()
    if (tag % 8 === LENGTH_DELIMITED) offset += value
    if (Math.floor(tag / 8) === EVENTS_FIELD) events++
  }
  return events
}
