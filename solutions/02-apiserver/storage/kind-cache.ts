/**
 * Keeps one kind's watch cache true: lists from etcd once, then follows one etcd watch.
 *
 * A lost connection costs nothing: the watch goes on where it was. If etcd has compacted what we have missed, the cache
 * lists again, and its watchers are told that they are expired.
 *
 * Source: apiserver `pkg/storage/cacher/cacher.go`, `client-go/tools/cache/reflector.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import {
  CompactedError,
  type KeyRange,
  type KeyValueBatch,
  type KeyValueEvent,
  type KeyValueStore,
  type KeyValueWatch,
  prefixRange,
} from '#kit/contracts/key-value-store.ts'
import type { Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { Audience, type Listener } from './audience.ts'
import { NodeIndex } from './node-index.ts'
import { atRevision, decodeObject, storedObject } from './object-store.ts'
import { type CacheEntry, SortedEntries } from './sorted-entries.ts'
import { type CacheChange, WatchCache } from './watch-cache.ts'

export interface KindCacheOptions {
  readonly store: KeyValueStore
  /** "/registry/pods/" */
  readonly prefix: string
  readonly clock: Clock
  readonly log: Log
}

const RETRY_DELAY_MS = 500
/** How many changes of a kind to remember, when they are small. */
const MOST_CHANGES = 10_000
/** Of large objects fewer are remembered: this many bytes of JSON, about. A position may expire sooner then; memory does not grow. */
const HISTORY_BYTES = 64 * 1024 * 1024

export class KindCache {
  readonly cache: WatchCache
  /** Settles when the first list is in, or has failed. */
  readonly #firstTry: Promise<void>
  /** Why the cache cannot be believed at present. */
  #problem: unknown
  readonly #options: KindCacheOptions
  #markTried: () => void = () => {}
  #watch: KeyValueWatch | undefined
  #stopped = false
  /** Who waits for the cache to come to some revision. */
  readonly #waiting = new Set<() => void>()
  readonly #audience = new Audience()
  readonly #sorted = new SortedEntries()
  readonly #byNode = new NodeIndex()
  /** The mean of the last twenty or so. */
  #bytesPerChange = 0

  constructor(options: KindCacheOptions) {
    this.#options = options
    this.cache = new WatchCache(MOST_CHANGES)
    this.#firstTry = new Promise((resolve) => {
      this.#markTried = resolve
    })
    void this.#run()
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Waits for the first list. Throws when the cache cannot be filled. */
  async synced(): Promise<void> {
    await this.#firstTry
    if (this.#problem !== undefined) throw this.#problem
  }

  stop(): void {
    this.#stopped = true
    this.#watch?.cancel()
    this.#audience.tellAll(0)
    this.#noteProgress()
  }

  /** Calls `listener` after every change that touches the topic, and when the cache starts over or ends. Returns how to stop that. */
  onChange(topic: string, listener: Listener): () => void {
    return this.#audience.join(topic, listener)
  }

  /** Waits until the cache has come to `revision`; false when it has not after `timeoutMs`. */
  waitFor(revision: number, timeoutMs: number): Promise<boolean> {
    if (this.cache.revision >= revision) return Promise.resolve(true)
    return new Promise((resolve) => {
      const finish = (arrived: boolean) => {
        timer.cancel()
        this.#waiting.delete(look)
        resolve(arrived)
      }
      const timer = this.#options.clock.setTimer(timeoutMs, () => finish(false))
      const look = () => {
        if (this.cache.revision >= revision || this.#stopped) finish(this.cache.revision >= revision)
      }
      this.#waiting.add(look)
      // Where progress cannot be believed, only a change tells how far the cache has come.
      if (this.#options.store.progressIsReliable) this.#watch?.requestProgress()
    })
  }

  /**
   * Whether the cache knows all that etcd knew when this was asked; waits for that, but not for ever. Mostly a comparison of
   * revisions. An old etcd's word that there was nothing up to some revision is not to be trusted, so it is asked whether
   * anything of this kind is newer than what the cache has.
   */
  async isNewest(timeoutMs: number): Promise<boolean> {
    const { store, prefix, clock } = this.#options
    if (store.progressIsReliable) return this.waitFor((await store.versionOf(prefix)).revision, timeoutMs)
    const deadlineMs = clock.now() + timeoutMs
    for (;;) {
      const { revision, size } = this.cache
      if (!(await store.changedSince({ ...prefixRange(prefix), revision, count: size }))) return true
      if (!(await this.waitFor(revision + 1, deadlineMs - clock.now()))) return false
    }
  }

  /** All objects in the order of their keys; the same array while nothing changes. */
  sortedEntries(): readonly CacheEntry[] {
    return this.#sorted.all
  }

  /** Those whose keys are in the range, in order. */
  entriesWithin(range: KeyRange): readonly CacheEntry[] {
    return this.#sorted.within(range)
  }

  /** Those that are bound to a node. */
  boundTo(nodeName: string): readonly Stored<ApiObject>[] {
    return this.#byNode.on(nodeName)
  }

  async #run(): Promise<void> {
    let mustList = true
    while (!this.#stopped) {
      try {
        if (mustList) await this.#list()
        mustList = false
        await this.#follow()
      } catch (error) {
        if (this.#stopped) return
        if (mustList || isNotImplemented(error)) this.#problem = error
        this.#markTried()
        this.#options.log.error(`watching ${this.#options.prefix}`, error)
        // A part that is not written yet will not be while we run.
        if (isNotImplemented(error)) return
        // What etcd still knows can be watched from where we were; what it has forgotten must be listed, now.
        if (error instanceof CompactedError) mustList = true
        else await new Promise<void>((resolve) => this.#options.clock.setTimer(RETRY_DELAY_MS, resolve))
      }
    }
  }

  async #list(): Promise<void> {
    const { kvs, revision } = await this.#options.store.range(prefixRange(this.#options.prefix))
    const objects = new Map(kvs.map((kv) => [kv.key, decodeObject(kv.value, kv.modRevision)]))
    this.cache.replace(objects, revision)
    this.#sorted.replace(objects)
    this.#byNode.replace(objects)
    this.#problem = undefined
    this.#markTried()
    // Nobody knows what happened meanwhile: whoever was watching is to find out that it is expired.
    this.#audience.tellAll(0)
    this.#noteProgress()
  }

  async #follow(): Promise<void> {
    const watch = this.#options.store.watch({
      ...prefixRange(this.#options.prefix),
      startRevision: this.cache.revision + 1,
    })
    this.#watch = watch
    for await (const batch of watch) this.#take(batch)
    if (!this.#stopped) throw new StatusError(503, 'ServiceUnavailable', 'the etcd watch ended')
  }

  #take(batch: KeyValueBatch): void {
    const before = this.cache.revision
    for (const { bytes } of batch.events) this.#bytesPerChange += (bytes - this.#bytesPerChange) / 20
    this.cache.capacity = Math.min(MOST_CHANGES, Math.ceil(HISTORY_BYTES / (1 + this.#bytesPerChange)))
    // What a key is before an event may be in the same batch.
    const inBatch = new Map<string, CacheChange>()
    const changes = batch.events.map((event) => {
      const change = this.#toChange(event, inBatch.get(event.key))
      inBatch.set(event.key, change)
      return change
    })
    this.cache.apply(changes, batch.revision)
    this.#sorted.apply(changes)
    this.#byNode.apply(changes)
    this.#audience.tell(changes, before)
    this.#noteProgress()
  }

  #toChange(event: KeyValueEvent, last: CacheChange | undefined): CacheChange {
    const { type, key, modRevision } = event
    const known = last ? (last.type === 'DELETED' ? undefined : last.object) : this.cache.get(key)
    const before = known ?? (event.previous === undefined ? undefined : decodeObject(event.previous, 0))
    if (type === 'put') {
      const object = storedObject(event.value ?? '{}', modRevision)
      return before
        ? { type: 'MODIFIED', revision: modRevision, key, object, previous: before }
        : { type: 'ADDED', revision: modRevision, key, object }
    }
    const object = atRevision(before ?? {}, modRevision)
    return { type: 'DELETED', revision: modRevision, key, object, ...(before && { previous: before }) }
  }

  #noteProgress(): void {
    for (const look of [...this.#waiting]) look()
  }
}
