/**
 * An etcd in memory, as far as the API server can see: revisions, compare-and-swap, watches from a revision, compaction.
 *
 * Tests of lab 2 run on it, so they need no etcd. `compact` and `expireLease` are pulled by hand, because nothing here
 * knows the time.
 */
import {
  CompactedError,
  type KeyRange,
  type KeyValue,
  type KeyValueBatch,
  type KeyValueEvent,
  type KeyValueStore,
  type KeyValueWatch,
  type KeyVersion,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
} from '../contracts/key-value-store.ts'

export interface SimEtcdStore extends KeyValueStore {
  /** The newest revision. A new etcd starts at 1. */
  readonly revision: number
  /** Writes without the API server's knowledge, as another API server (or etcdctl) would. */
  put(key: string, value: string): number
  delete(key: string): number
  /** What is stored now, by key. */
  contents(): ReadonlyMap<string, KeyValue>
  /** Deletes all keys of a lease, as etcd does when its time is over. */
  expireLease(lease: string): void
  /** Ends every watch with an error, as a lost connection does. */
  breakWatches(): void
  /** Every transaction so far. */
  readonly transactions: readonly TxnRequest[]
  /** Called before each transaction: a test's chance to change the store between a read and a write. */
  beforeTxn: ((request: TxnRequest) => void) | undefined
}

export function createSimEtcdStore(): SimEtcdStore {
  return new MemoryStore()
}

class MemoryStore implements SimEtcdStore {
  readonly progressIsReliable = true
  revision = 1
  readonly transactions: TxnRequest[] = []
  beforeTxn: ((request: TxnRequest) => void) | undefined
  #compactRevision = 0
  #current = new Map<string, KeyValue>()
  #leaseOf = new Map<string, string>()
  #log: KeyValueEvent[] = []
  #watches = new Set<MemoryWatch>()
  #leases = 0

  async range(options: KeyRange & { limit?: number; revision?: number }): Promise<RangeResponse> {
    const at = options.revision ?? 0
    if (at > 0 && at < this.#compactRevision) throw new CompactedError(this.#compactRevision)
    const source = at > 0 && at < this.revision ? this.#contentsAt(at) : this.#current
    const kvs = [...source.values()]
      .filter(({ key }) => key >= options.from && key < options.to)
      .sort((a, b) => (a.key < b.key ? -1 : 1))
    return { revision: this.revision, kvs: options.limit ? kvs.slice(0, options.limit) : kvs, count: kvs.length }
  }

  async versionOf(key: string): Promise<KeyVersion> {
    return { revision: this.revision, modRevision: this.#current.get(key)?.modRevision ?? 0 }
  }

  async changedSince({ from, to, revision, count }: KeyRange & { revision: number; count: number }): Promise<boolean> {
    const kvs = [...this.#current.values()].filter(({ key }) => key >= from && key < to)
    return kvs.length !== count || kvs.some(({ modRevision }) => modRevision > revision)
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    this.beforeTxn?.(request)
    this.transactions.push(request)
    const { key, modRevision } = request.compare
    if ((this.#current.get(key)?.modRevision ?? 0) !== modRevision) {
      const current = request.failure && this.#current.get(request.failure.get.key)
      return { succeeded: false, revision: this.revision, current }
    }
    if ('put' in request.success) {
      const { put } = request.success
      const revision = this.put(put.key, put.value)
      if (put.lease) this.#leaseOf.set(put.key, put.lease)
      return { succeeded: true, revision }
    }
    return { succeeded: true, revision: this.delete(request.success.delete.key) }
  }

  put(key: string, value: string): number {
    const previous = this.#current.get(key)
    this.revision += 1
    this.#current.set(key, { key, value, modRevision: this.revision })
    this.#leaseOf.delete(key)
    this.#append({
      type: 'put',
      key,
      modRevision: this.revision,
      bytes: value.length,
      value,
      ...(previous && { previous: previous.value }),
    })
    return this.revision
  }

  delete(key: string): number {
    const previous = this.#current.get(key)
    if (!previous) return this.revision
    this.revision += 1
    this.#current.delete(key)
    this.#leaseOf.delete(key)
    this.#append({ type: 'delete', key, modRevision: this.revision, bytes: 0, previous: previous.value })
    return this.revision
  }

  watch(options: KeyRange & { startRevision: number }): KeyValueWatch {
    const watch = new MemoryWatch(
      options,
      () => watch.deliver({ revision: this.revision, events: [] }),
      () => this.#watches.delete(watch),
    )
    if (options.startRevision <= this.#compactRevision) {
      watch.end(new CompactedError(this.#compactRevision))
      return watch
    }
    for (const event of this.#log) if (event.modRevision >= options.startRevision) watch.offer(event)
    this.#watches.add(watch)
    return watch
  }

  async grantLease(): Promise<string> {
    this.#leases += 1
    return String(this.#leases)
  }

  async compact(revision: number): Promise<void> {
    this.#compactRevision = Math.max(this.#compactRevision, revision)
  }

  expireLease(lease: string): void {
    for (const [key, holder] of [...this.#leaseOf]) if (holder === lease) this.delete(key)
  }

  contents(): ReadonlyMap<string, KeyValue> {
    return this.#current
  }

  breakWatches(): void {
    for (const watch of [...this.#watches]) watch.end(new Error('connection lost'))
    this.#watches.clear()
  }

  close(): void {
    for (const watch of [...this.#watches]) watch.cancel()
  }

  #append(event: KeyValueEvent): void {
    this.#log.push(event)
    for (const watch of this.#watches) watch.offer(event)
  }

  #contentsAt(revision: number): Map<string, KeyValue> {
    const contents = new Map<string, KeyValue>()
    for (const event of this.#log) {
      if (event.modRevision > revision) break
      if (event.type === 'delete') contents.delete(event.key)
      else contents.set(event.key, { key: event.key, value: event.value ?? '', modRevision: event.modRevision })
    }
    return contents
  }
}

class MemoryWatch implements KeyValueWatch {
  readonly #range: KeyRange
  readonly requestProgress: () => void
  readonly #forget: () => void
  #pending: KeyValueBatch[] = []
  #ended: { readonly error?: Error } | undefined
  #wake: (() => void) | undefined

  constructor(range: KeyRange, requestProgress: () => void, forget: () => void) {
    this.#range = range
    this.requestProgress = requestProgress
    this.#forget = forget
  }

  offer(event: KeyValueEvent): void {
    if (event.key < this.#range.from || event.key >= this.#range.to) return
    this.deliver({ revision: event.modRevision, events: [event] })
  }

  deliver(batch: KeyValueBatch): void {
    if (this.#ended) return
    this.#pending.push(batch)
    this.#wake?.()
  }

  end(error?: Error): void {
    this.#ended ??= error ? { error } : {}
    this.#wake?.()
  }

  cancel(): void {
    this.#forget()
    this.end()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<KeyValueBatch> {
    for (;;) {
      const batch = this.#pending.shift()
      if (batch) yield batch
      else if (this.#ended?.error) throw this.#ended.error
      else if (this.#ended) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
