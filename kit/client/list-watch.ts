/**
 * Keeps a local copy of one kind: list once, then follow the watch; after a lost connection resume from the last
 * resourceVersion, after `Expired` list again and work out what changed meanwhile.
 *
 * Guarantee: handlers see every object that exists, in an order that the server could have sent; an object that vanished
 * while the connection was down is reported as deleted. Source: client-go `tools/cache/reflector.go`.
 */
import { objectKey, type Stored } from '../api/objects.ts'
import { hasReason } from '../api/status-error.ts'
import { pause, systemClock } from '../contracts/clock.ts'
import type { ListWatch, ListWatchOptions } from '../contracts/list-watch.ts'
import { describeError, silentLog } from '../contracts/log.ts'

/** Pause before the next attempt: doubles from the first to the last, falls back when all was well for longer than that. */
const RETRY_FIRST_MS = 100
const RETRY_LAST_MS = 5_000

export function startListWatch<T>(options: ListWatchOptions<T>): ListWatch<T> {
  const { client, resource, handlers = {}, clock = systemClock, log = silentLog } = options
  const { namespace, labelSelector, fieldSelector } = options
  const selection = { namespace, labelSelector, fieldSelector }
  const objects = new Map<string, Stored<T>>()
  const stopping = new AbortController()
  let markSynced = () => {}
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve
  })

  /** A handler that throws is a bug of its owner; the copy must stay right and the others must still hear. */
  function tell(handle: () => void): void {
    try {
      handle()
    } catch (error) {
      log.error(`handler for ${resource.plural}`, error)
    }
  }

  function put(object: Stored<T>): void {
    const key = objectKey(object)
    const previous = objects.get(key)
    objects.set(key, object)
    if (!previous) tell(() => handlers.added?.(object))
    else if (previous.metadata.resourceVersion !== object.metadata.resourceVersion) {
      tell(() => handlers.updated?.(object, previous))
    }
  }

  function remove(object: Stored<T>): void {
    if (objects.delete(objectKey(object))) tell(() => handlers.deleted?.(object))
  }

  function replaceAll(items: readonly Stored<T>[]): void {
    const keys = new Set(items.map(objectKey))
    for (const known of [...objects.values()]) if (!keys.has(objectKey(known))) remove(known)
    for (const item of items) put(item)
  }

  /** Where to resume; undefined means: list first. */
  let resourceVersion: string | undefined

  async function list(): Promise<void> {
    const all = await client.list<T>(resource, selection)
    if (stopping.signal.aborted) return
    replaceAll(all.items)
    resourceVersion = all.resourceVersion
    markSynced()
  }

  /** One watch, until the server ends it. Returns whether it brought anything. */
  async function follow(): Promise<boolean> {
    let fruitful = false
    for await (const event of client.watch<T>(resource, { ...selection, resourceVersion }, stopping.signal)) {
      fruitful = true
      resourceVersion = event.object.metadata.resourceVersion
      if (event.type === 'DELETED') remove(event.object)
      else if (event.type !== 'BOOKMARK') put(event.object)
    }
    return fruitful
  }

  async function run(): Promise<void> {
    let retryMs = RETRY_FIRST_MS
    while (!stopping.signal.aborted) {
      const startedMs = clock.now()
      const resumes = resourceVersion !== undefined
      try {
        if (resourceVersion === undefined) await list()
        if (await follow()) {
          retryMs = RETRY_FIRST_MS
          continue
        }
      } catch (error) {
        if (stopping.signal.aborted) return
        if (clock.now() - startedMs > RETRY_LAST_MS) retryMs = RETRY_FIRST_MS
        const isExpired = hasReason(error, 'Expired', 'Gone')
        if (isExpired) resourceVersion = undefined
        const next = isExpired && resumes ? 'listing again' : `trying again in ${retryMs} ms`
        log.warn(`list-watch ${resource.plural}: ${describeError(error)}; ${next}`)
        // A server that was away has forgotten what came before: no reason to wait, unless it refuses its own list's version.
        if (isExpired && resumes) continue
      }
      await pause(clock, retryMs, stopping.signal)
      retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)
    }
  }

  void run()
  return {
    synced,
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    stop: () => stopping.abort(),
  }
}
