/**
 * One watcher: a range of keys, and the revision it has got to.
 *
 * A watcher is never pushed to. It is a cursor into the store's history: when its stream can take more, it is asked for
 * what comes next. So a slow client holds up nobody and costs no memory, catching up and keeping up are the same thing,
 * and a broken watch can be taken up again at its next revision without a gap or a repeat.
 *
 * Guarantees: ordered (by revision), unique (no event twice), reliable (no event left out), atomic (a revision's events arrive together).
 * Source: etcd `server/storage/mvcc/watchable_store.go`; https://etcd.io/docs/v3.5/learning/api_guarantees/.
 */
import { isInRange } from '../mvcc/byte-range.ts'
import type { Change, KeyEvent, WatchCreateRequest } from '../mvcc/types.ts'

export interface Watcher {
  readonly request: WatchCreateRequest
  /** The next revision to report. All below it has been. */
  readonly nextRevision: number
}

/** How the store stands, and a piece of its history beginning at the watcher's `nextRevision`. */
export interface History {
  readonly revision: number
  readonly compactRevision: number
  readonly changes: readonly Change[]
}

export type WatchStep =
  /** `events` may be empty. The watcher goes on from `next`. */
  | { readonly kind: 'events'; readonly events: readonly KeyEvent[]; readonly next: Watcher }
  /** Some of what should come next is gone. The watch is over. */
  | { readonly kind: 'compacted'; readonly compactRevision: number }

/**
 * A watcher begins at its request's `startRevision`, or, when that is 0 or less, with the first revision after the store's
 * present one. A start in the future is kept: nothing is reported before it.
 *
 * @lab 1.8 Find out where a watch begins
 */
export function openWatcher(request: WatchCreateRequest, revision: number): Watcher {
  return { request, nextRevision: request.startRevision > 0 ? request.startRevision : revision + 1 }
}

/**
 * Whether and how a watcher sees an event: undefined if the key is outside its range or a filter (`NOPUT`, `NODELETE`) says no.
 * `prevKv` is there only if the watcher asked for it and the revision before the event is not compacted.
 *
 * @lab 1.8 Filter one event
 */
export function seenEvent(request: WatchCreateRequest, event: KeyEvent, compactRevision: number): KeyEvent | undefined {
  if (!isInRange(event.kv.key, request)) return undefined
  if (request.filters.includes(event.type === 'PUT' ? 'NOPUT' : 'NODELETE')) return undefined
  const { prevKv, ...bare } = event
  const mayKnow = request.prevKv && event.kv.modRevision - 1 >= compactRevision
  return mayKnow && prevKv ? { ...bare, prevKv } : bare
}

/**
 * The next step of a watcher through `history`: `compacted` if its next revision is below the compacted one; else the events it sees of all the
 * changes given, and the watcher moved on past them: past the last change given, and, when there was none, past the store's revision. It never moves
 * back, and reports nothing below its `nextRevision`.
 *
 * @lab 1.8 Move a watcher on
 */
export function stepWatcher(watcher: Watcher, history: History): WatchStep {
  if (watcher.nextRevision < history.compactRevision) {
    return { kind: 'compacted', compactRevision: history.compactRevision }
  }
  const changes = history.changes.filter((change) => change.revision >= watcher.nextRevision)
  const events = changes.flatMap((change) =>
    change.events.flatMap((event) => seenEvent(watcher.request, event, history.compactRevision) ?? []),
  )
  const reached = changes.at(-1)?.revision ?? history.revision
  return { kind: 'events', events, next: { ...watcher, nextRevision: Math.max(watcher.nextRevision, reached + 1) } }
}
