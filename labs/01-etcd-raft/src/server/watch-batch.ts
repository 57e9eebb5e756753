/**
 * How much of a history goes into one message: enough to be quick, little enough that nobody waits long, on either side.
 * Source: etcd `server/storage/mvcc/watcher_group.go` (`watchBatchMaxRevs`), `server/etcdserver/api/v3rpc/watch.go` (`sendFragments`).
 */
import type { MvccStore } from '../mvcc/store.ts'
import type { Change, KeyEvent, WatchResponse } from '../mvcc/types.ts'
import type { History } from '../watch/watcher.ts'

/** At most this many revisions are looked at before others have their turn. */
export const REVISIONS_PER_STEP = 1000

/** Upstream's request limit with its allowance: what fits into one message. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024

/** The history from a revision on, a piece of it. */
export type HistoryReader = (from: number) => History

/** The store's history as it is now. Most watchers are at the same place, so most of them share a piece. */
export function historyOf(store: MvccStore): HistoryReader {
  const { revision, compactRevision } = store
  const pieces = new Map<number, History>()
  return (from) => {
    let piece = pieces.get(from)
    if (!piece) {
      piece = { revision, compactRevision, changes: takeBatch(store.changesFrom(from, REVISIONS_PER_STEP)) }
      pieces.set(from, piece)
    }
    return piece
  }
}

/** Changes whose events fit into one message, whole revisions, at least one. */
export function takeBatch(changes: readonly Change[], maxBytes = MAX_MESSAGE_BYTES): readonly Change[] {
  let bytes = 0
  const end = changes.findIndex(({ events }, position) => {
    bytes += events.reduce((sum, event) => sum + bytesOf(event), 0)
    return position > 0 && bytes > maxBytes
  })
  return end === -1 ? changes : changes.slice(0, end)
}

/**
 * A response as several, for a client that asked for that: its events in order, and all but the last marked as fragments, so that the client can put them
 * together again. One event alone is never cut.
 */
export function fragmentsOf(response: WatchResponse, maxBytes = MAX_MESSAGE_BYTES): WatchResponse[] {
  const parts: KeyEvent[][] = [[]]
  let bytes = 0
  for (const event of response.events) {
    const size = bytesOf(event)
    if (bytes + size > maxBytes && bytes > 0) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)!.push(event)
    bytes += size
  }
  return parts.map((events, position) => ({ ...response, events, fragment: position < parts.length - 1 }))
}

/** What revisions, versions, leases and lengths take at most, in an event without its keys and values. */
const ENVELOPE_BYTES = 128

function bytesOf({ kv, prevKv }: KeyEvent): number {
  const before = prevKv ? prevKv.key.length + prevKv.value.length : 0
  return ENVELOPE_BYTES + kv.key.length + kv.value.length + before
}
