/**
 * A running watch: a position in the cache's history that moves on whenever there is something new.
 *
 * It has no queue. Each time the client has taken all it was given, the next changes are looked up; a client that is too
 * slow for the history to wait is told that it is expired. When there is nothing for it, it sleeps, and only a change that
 * may concern it wakes it up.
 *
 * Source: apiserver `pkg/storage/cacher/{cacher,cache_watcher}.go`; KEP-3157 (WatchList), KEP-956 (bookmarks).
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import type { StatusError } from '#kit/api/status-error.ts'
import type { ApiRequest, KindRow, WatchStreamEvent } from '#kit/contracts/apiserver.ts'
import { expired, resourceVersionTooLarge } from '../errors.ts'
import { topicOf } from '../storage/audience.ts'
import { storageRange } from '../storage/keys.ts'
import type { KindCache } from '../storage/kind-cache.ts'
import { selectChange } from '../storage/watch-cache.ts'
import { type ApiContext, present, type Target } from './context.ts'
import { type ListOptions, parseListOptions } from './list-options.ts'
import { newestRevision } from './read.ts'

/** Between bookmarks of a quiet watch. */
const BOOKMARK_MS = 60_000
/** Watches without `timeoutSeconds` end after this long, or up to twice as long, so that they do not all end at once. */
const DEFAULT_TIMEOUT_SECONDS = 1_800
/** A timer for longer would go off at once. */
const LONGEST_MS = 2 ** 31 - 1
/** As for lists: a version from the future is waited for, but not for ever. */
const CATCH_UP_MS = 3_000

export interface RunningWatch {
  readonly events: AsyncIterable<WatchStreamEvent>
  stop(): void
}

export async function watchObjects(
  context: ApiContext,
  { row, namespace }: Omit<Target, 'name'>,
  query: ApiRequest['query'],
): Promise<RunningWatch> {
  const options = parseListOptions({ query: { ...query, watch: ['true'] } }, row)
  const kind = context.caches.of(row)
  await kind.synced()
  if (!(await hasSeenEnough(context, row, kind, options))) {
    const wanted = options.resourceVersion ?? (await newestRevision(context, row))
    return refusedWatch(resourceVersionTooLarge(wanted, kind.cache.revision))
  }
  return startWatch({ context, row, kind, namespace, options })
}

/** What the cache must have seen before the watch begins: for initial events, what was asked for; else the newest. */
async function hasSeenEnough(
  context: ApiContext,
  row: KindRow,
  kind: KindCache,
  { resourceVersion, sendInitialEvents }: ListOptions,
): Promise<boolean> {
  if (resourceVersion === undefined) return kind.isNewest(CATCH_UP_MS)
  if (!sendInitialEvents || (await kind.waitFor(resourceVersion, CATCH_UP_MS))) return true
  // An old etcd does not tell the cache of a quiet kind how far the world has come.
  return (await newestRevision(context, row)) >= resourceVersion && kind.isNewest(CATCH_UP_MS)
}

/** The client has been told 200 by then; what is wrong comes as the only event. */
function refusedWatch(error: StatusError): RunningWatch {
  const events = (async function* (): AsyncGenerator<WatchStreamEvent> {
    yield { type: 'ERROR', object: { ...error.toStatus() } }
  })()
  return { events, stop: () => {} }
}

interface WatchParts {
  readonly context: ApiContext
  readonly row: KindRow
  readonly kind: KindCache
  readonly namespace: string
  readonly options: ListOptions
}

function startWatch(parts: WatchParts): RunningWatch {
  const { context, row, kind, namespace, options } = parts
  const alarm = new Alarm()
  const acrossNamespaces = row.resource.namespaced && namespace === ''
  const topic = topicOf(storageRange(row, namespace || undefined).from, acrossNamespaces, options.fields)
  const stopListening = kind.onChange(topic, (before) => alarm.ring(before))
  const seconds = options.timeoutSeconds || DEFAULT_TIMEOUT_SECONDS * (1 + context.random())
  let isOver = false
  const over = context.clock.setTimer(Math.min(seconds * 1000, LONGEST_MS), () => {
    isOver = true
    alarm.ring(kind.cache.revision)
  })
  const stop = () => {
    isOver = true
    over.cancel()
    stopListening()
    alarm.ring(kind.cache.revision)
  }
  const events = (async function* () {
    try {
      yield* watchEvents(parts, alarm, () => isOver || kind.stopped)
    } finally {
      stop()
    }
  })()
  return { events, stop }
}

/** Everything the client gets to see, in order. */
async function* watchEvents(
  { context, row, kind, namespace, options }: WatchParts,
  alarm: Alarm,
  isOver: () => boolean,
): AsyncGenerator<WatchStreamEvent> {
  const range = storageRange(row, namespace || undefined)
  const { cache } = kind
  const show = (object: Stored<ApiObject>) => present(row, object)
  let position = options.sendInitialEvents ? cache.revision : options.resourceVersion || cache.revision

  if (options.sendInitialEvents) {
    // Looked up at once, so that the changes after `position` are exactly those that are not in it.
    const initial = kind.entriesWithin(range).filter(([, object]) => options.matches(object))
    for (const [, object] of initial) yield { type: 'ADDED', object: show(object) }
    if (options.allowWatchBookmarks) yield bookmark(row, position, true)
  }

  let bookmarkedMs = context.clock.now()
  const bookmarkTimer = () => context.clock.setTimer(BOOKMARK_MS, () => alarm.ring(cache.revision))
  let timer = bookmarkTimer()
  try {
    while (!isOver()) {
      const changes = cache.changesAfter(position)
      const seenThen = cache.revision
      if (changes === 'expired') {
        yield { type: 'ERROR', object: tooOld(position, cache.oldestPosition) }
        return
      }
      for (const change of changes) {
        position = change.revision
        if (!change.key.startsWith(range.from)) continue
        const matched = change.previous !== undefined && options.matches(change.previous)
        const seen = selectChange(change, matched, change.type !== 'DELETED' && options.matches(change.object))
        if (seen) yield { type: seen.type, object: show(seen.object) }
      }
      // The cache may know more by now: clients take their time.
      position = Math.max(position, seenThen)
      if (context.clock.now() - bookmarkedMs >= BOOKMARK_MS) {
        bookmarkedMs = context.clock.now()
        timer = bookmarkTimer()
        if (options.allowWatchBookmarks) yield bookmark(row, position, false)
      }
      // Who sleeps has missed nothing: up to what woke it, nothing concerned it.
      position = Math.max(position, await alarm.wait())
    }
    if (options.allowWatchBookmarks && !kind.stopped) yield bookmark(row, position, false)
  } finally {
    timer.cancel()
  }
}

/** "You have seen everything up to this version": nothing happened, but the client may resume from here. */
function bookmark({ resource }: KindRow, revision: number, isEndOfInitialEvents: boolean): WatchStreamEvent {
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(isEndOfInitialEvents && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
  } as unknown as ApiObject['metadata'] & object
  return { type: 'BOOKMARK', object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata } }
}

function tooOld(wanted: number, oldest: number): ApiObject {
  return { ...expired(`too old resource version: ${wanted} (${oldest})`).toStatus() }
}

/** Wakes one sleeper; a ring while nobody sleeps is not forgotten. */
class Alarm {
  #rung = false
  #wake: ((before: number) => void) | undefined

  /** @param before up to which revision nothing has happened that a sleeper must know */
  ring(before: number): void {
    if (this.#wake) this.#wake(before)
    else this.#rung = true
    this.#wake = undefined
  }

  /** What the first ring says; 0 when it came before: then nobody slept, and nothing may be passed over. */
  async wait(): Promise<number> {
    if (!this.#rung) {
      return new Promise((resolve) => {
        this.#wake = resolve
      })
    }
    this.#rung = false
    return 0
  }
}
