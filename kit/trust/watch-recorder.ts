/**
 * Watchers that write down what they are sent, and move from member to member, each time going on from where they were.
 */
import { createEtcdClient, type EtcdClient, type WatchHandle } from '../etcd-api/client.ts'
import type { KeyEvent } from '../etcd-api/messages.ts'
import type { WatchedEvent, WatchRecording, WatchResponse, WatchSession } from './watch-guarantees.ts'
import { PREFIX, versionOf } from './workload.ts'

export interface WatcherOptions {
  readonly name: string
  /** `127.0.0.1:port` of the members, in the order in which they are tried. */
  readonly endpoints: readonly string[]
  readonly key?: string
  readonly filters?: WatchRecording['filters']
  readonly prevKv?: boolean
  /** Asks for a progress notice after every so many responses; 0: never. */
  readonly askProgressEvery: number
}

export interface RecordingWatcher {
  readonly recording: WatchRecording
  /** All up to this revision has been sent. */
  readonly reached: number
  askProgress(): void
  /** Leaves the member it is connected to, for the next one. */
  move(): void
  stop(): void
}

export function startRecordingWatcher(options: WatcherOptions): RecordingWatcher {
  const sessions: (WatchSession & { responses: WatchResponse[] })[] = []
  const { name, endpoints, key, filters = [], prevKv = true, askProgressEvery } = options
  let client: EtcdClient
  let watch: WatchHandle
  let moves = 0
  let next = 1
  let responses = 0

  const note = (response: WatchResponse, reached: number) => {
    sessions.at(-1)!.responses.push(response)
    next = Math.max(next, reached + 1)
    if (askProgressEvery > 0 && ++responses % askProgressEvery === 0) watch.requestProgress()
  }

  const connect = () => {
    const turn = moves % endpoints.length
    client = createEtcdClient({ endpoints: [...endpoints.slice(turn), ...endpoints.slice(0, turn)] })
    const range = key === undefined ? { key: PREFIX, rangeEnd: 'k0' } : { key }
    watch = client.watch(
      { ...range, startRevision: next, prevKv, filters },
      {
        // For the first time, or again after a lost connection: it asks for what comes after the last it had.
        onCreated: () => sessions.push({ startRevision: next, responses: [] }),
        onEvents: (events, revision) =>
          note({ kind: 'events', revision, events: events.map(watchedEvent) }, events.at(-1)!.kv.modRevision),
        onProgress: (revision) => note({ kind: 'progress', revision, events: [] }, revision),
      },
    )
  }

  const disconnect = () => {
    watch.cancel()
    client.close()
  }

  connect()
  return {
    recording: { name, ...(key !== undefined && { key }), filters, prevKv, sessions },
    get reached() {
      return next - 1
    },
    askProgress: () => watch.requestProgress(),
    move() {
      disconnect()
      moves++
      connect()
    },
    stop: disconnect,
  }
}

/** Everything a member has to tell, from the first revision to `revision`. */
export async function readWholeHistory(endpoint: string, revision: number, limitMs: number): Promise<WatchedEvent[]> {
  const client = createEtcdClient({ endpoints: [endpoint] })
  const all: WatchedEvent[] = []
  let watch: WatchHandle | undefined
  try {
    return await new Promise((resolve, reject) => {
      const problem = () =>
        reject(new Error(`a fresh watch got to revision ${all.at(-1)?.modRevision}, not to ${revision}`))
      const timer = setTimeout(problem, limitMs)
      watch = client.watch(
        { key: '\0', rangeEnd: '\0', startRevision: 1 },
        {
          onEvents(events) {
            all.push(...events.map(watchedEvent))
            if (all.at(-1)!.modRevision < revision) return
            clearTimeout(timer)
            resolve(all)
          },
          onEnd: (error) => reject(error),
        },
      )
    })
  } finally {
    watch?.cancel()
    client.close()
  }
}

function watchedEvent({ type, kv, prevKv }: KeyEvent): WatchedEvent {
  const key = kv.key.toString()
  const version = type === 'PUT' ? versionOf(kv) : null
  return { type, key, modRevision: kv.modRevision, version, ...(prevKv && { previous: versionOf(prevKv) }) }
}
