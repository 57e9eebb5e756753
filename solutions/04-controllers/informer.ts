/**
 * The given loop around InformerStore: connects, feeds lists and events in, tells subscribers what came out.
 *
 * One informer per kind serves all controllers of a process, so the API server sees one watch however many of them
 * listen.
 * Source: client-go `tools/cache/shared_informer.go`.
 */
import type { Stored } from '#kit/api/objects.ts'
import type { Resource } from '#kit/api/resources.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { type Clock, pause } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { type Delta, type IndexPaths, InformerStore } from './informer-store.ts'

/** Pause before the next attempt: doubles from the first to the last, falls back after a success. */
const RETRY_FIRST_MS = 100
const RETRY_LAST_MS = 5_000

export interface InformerOptions {
  readonly client: ApiClient
  readonly resource: Resource
  readonly indexes: IndexPaths
  readonly clock: Clock
  readonly log: Log
}

/** What controllers see of an informer: its copy and its news, never its connection. */
export interface Informer<T> {
  /** Resolves when the first list is in the copy and has been told. */
  readonly synced: Promise<void>
  get(key: string): Stored<T> | undefined
  list(): readonly Stored<T>[]
  byIndex(index: string, value: string): readonly Stored<T>[]
  /** Hears each change from now on; what is in the copy already is told at once as `added`. */
  subscribe(listener: (delta: Delta<T>) => void): void
  stop(): void
}

export function startInformer<T>(options: InformerOptions): Informer<T> {
  const { client, resource, clock, log } = options
  const store = new InformerStore<T>(options.indexes)
  const listeners: ((delta: Delta<T>) => void)[] = []
  const stopping = new AbortController()
  let markSynced = () => {}
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve
  })

  /** A listener that throws must neither stop the informer nor keep the news from the others. */
  function tell(delta: Delta<T>): void {
    for (const listener of listeners) notify(listener, delta)
  }

  function notify(listener: (delta: Delta<T>) => void, delta: Delta<T>): void {
    try {
      listener(delta)
    } catch (error) {
      log.error(`a listener for ${resource.plural}`, error)
    }
  }

  /** Does what the store asks for next. Returns whether the server had anything to say. */
  async function nextRequest(): Promise<boolean> {
    const next = store.nextRequest()
    if (next.request === 'list') {
      const list = await client.list<T>(resource)
      for (const delta of store.replace(list)) tell(delta)
      markSynced()
      return true
    }
    let fruitful = false
    const { resourceVersion } = next
    for await (const event of client.watch<T>(resource, { resourceVersion }, stopping.signal)) {
      fruitful = true
      for (const delta of store.apply(event)) tell(delta)
    }
    return fruitful
  }

  async function run(): Promise<void> {
    let retryMs = RETRY_FIRST_MS
    while (!stopping.signal.aborted) {
      try {
        if (await nextRequest()) {
          retryMs = RETRY_FIRST_MS
          continue
        }
      } catch (error) {
        if (stopping.signal.aborted) return
        if (isNotImplemented(error)) return log.error(`informer for ${resource.plural}`, error)
        if (retryMs === RETRY_FIRST_MS)
          log.warn(`informer for ${resource.plural}: ${describeError(error)}; trying again`)
        try {
          store.interrupted(error instanceof StatusError ? error.reason : 'ConnectionLost')
        } catch (unwritten) {
          return log.error(`informer for ${resource.plural}`, unwritten)
        }
      }
      await pause(clock, retryMs, stopping.signal)
      retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)
    }
  }

  void run()
  return {
    synced,
    get: (key) => store.get(key),
    list: () => store.list(),
    byIndex: (index, value) => store.byIndex(index, value),
    subscribe(listener) {
      listeners.push(listener)
      for (const object of store.list()) notify(listener, { type: 'added', object })
    },
    stop: () => stopping.abort(),
  }
}
