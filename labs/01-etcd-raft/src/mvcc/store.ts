/**
 * The multi-version key-value store: what the members agree on.
 *
 * Every write that changes something gets the next revision; reads may ask for any revision that is not compacted. It holds no clock and no
 * randomness: the same requests in the same order give the same store on every member.
 *
 * Here the data is kept; what the operations do with it is in `operations.ts` and `txn.ts`.
 * Source: etcd `server/storage/mvcc/kvstore.go`.
 */
import { crc32 } from 'node:zlib'
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import { type ByteRange, TO_THE_END } from './byte-range.ts'
import { applyDeleteRange, applyPut, applyRange } from './operations.ts'
import { SortedKeys } from './sorted-keys.ts'
import { applyTxn, checkCompaction, txnWrites } from './txn.ts'
import type {
  Change,
  DeleteRangeRequest,
  DeleteRangeResponse,
  KeyEvent,
  KeyValue,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from './types.ts'
import { compactVersions, type Version, type Versions, versionAt } from './versions.ts'

/** The store as an operation sees it. */
export interface StoreView {
  /** The newest revision, that of a write in progress included once it has changed something. */
  readonly revision: number
  /** The oldest revision that can be read; -1 when nothing was ever compacted. */
  readonly compactRevision: number
  /** The key as it is now or was at a revision. */
  get(key: ByteString, revision?: number): KeyValue | undefined
  /** The keys of a range that have any version, in order: they may have none at the revision asked for. */
  keysIn(range: ByteRange): Iterable<ByteString>
}

/** The store during a write: all its changes get one revision, and are undone together if it throws. */
export interface StoreWrite extends StoreView {
  /** The revision that this write gives its changes. */
  readonly writeRevision: number
  set(kv: KeyValue): void
  delete(key: ByteString): void
  /** Throws unless the lease exists; "0", no lease, always does. */
  requireLease(id: string): void
}

/** All that a store holds, as plain data: enough to make the same store again. */
export interface StoreContents {
  readonly revision: number
  readonly compactRevision: number
  /**
   * By rising revision; within one revision in the order of its operations, as far as that is still known. Walked over while the store goes on, it
   * still gives what was there when it was asked for.
   */
  readonly versions: Iterable<StoredVersion>
}

export interface StoredVersion extends Version {
  readonly key: ByteString
  /** Its place among the writes of its revision, noted when others of them may be gone. Left out: right after the one before. */
  readonly sub?: number
}

export class MvccStore implements StoreView {
  #keys = new SortedKeys()
  #versions = new Map<ByteString, Versions>()
  /** What each revision changed, oldest first: what watches live on. */
  #changes: Change[] = []
  /** Versions that are older than `#changes`: of each key at most the one that the compacted revision needs. */
  #base: StoredVersion[] = []
  #revision = 1
  #compactRevision = -1
  #bytes = 0
  readonly #requireLease: (id: string) => void

  /** @param requireLease throws for a lease that does not exist; without it, all do. */
  constructor(requireLease: (id: string) => void = () => {}) {
    this.#requireLease = requireLease
  }

  get revision(): number {
    return this.#revision
  }

  get compactRevision(): number {
    return this.#compactRevision
  }

  /** About how much there is: keys, values and something for each version, as far back as nothing is compacted. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many versions there are, except that those of one revision may count as one. */
  get versionCount(): number {
    return this.#base.length + this.#changes.length
  }

  get(key: ByteString, revision = this.#revision): KeyValue | undefined {
    const versions = this.#versions.get(key)
    if (!versions) return undefined
    const newest = versions.at(-1)!
    return newest.revision <= revision ? newest.kv : versionAt(versions, revision)
  }

  keysIn(range: ByteRange): Iterable<ByteString> {
    if (range.rangeEnd === '') return this.#versions.has(range.key) ? [range.key] : []
    return this.#keys.within(range)
  }

  /** Throws `compacted` or `future revision`. */
  range(request: RangeRequest): RangeResponse {
    return applyRange(this, request)
  }

  put(request: PutRequest): PutResponse {
    this.#requireLease(request.lease)
    return this.#write((write) => applyPut(write, request))
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResponse {
    return this.#write((write) => applyDeleteRange(write, request))
  }

  txn(request: TxnRequest): TxnResponse {
    return this.#write((write) => applyTxn(write, request))
  }

  /** Whether a txn, as the store is now, would only read. */
  isReadOnly(request: TxnRequest): boolean {
    return !txnWrites(request)
  }

  /**
   * Gives up all revisions before `revision`. Throws `compacted` or `future revision`.
   *
   * Only a key that has changed since the last compaction can have anything to give up. So this takes as long as the history that goes is, however many
   * keys there are: a leader that walked over all of them would miss heartbeats.
   */
  compact(revision: number): void {
    checkCompaction(this, revision)
    this.#compactRevision = revision
    const place = this.#placeOf(revision)
    const past = this.#changes.slice(0, place)
    this.#changes = this.#changes.slice(place)
    const present = this.#changes[0]?.revision === revision ? this.#changes.slice(0, 1) : []
    const changed = new Set<ByteString>()
    for (const { events } of [...past, ...present]) for (const { kv } of events) changed.add(kv.key)
    for (const key of changed) this.#compactKey(key, revision)
    const base = past.flatMap(({ events }) => events.flatMap(({ kv }, sub) => this.#keptVersion(kv, sub)))
    this.#base = [...this.#base.filter(({ key }) => !changed.has(key)), ...base]
  }

  #compactKey(key: ByteString, revision: number): void {
    const versions = this.#versions.get(key)!
    const kept = compactVersions(versions, revision)
    for (const dropped of versions.slice(0, versions.length - kept.length)) this.#bytes -= bytesOf(key, dropped)
    this.#replace(key, kept)
  }

  /** What a compaction has left of a write. */
  #keptVersion({ key, modRevision }: KeyValue, sub: number): StoredVersion[] {
    const oldest = this.#versions.get(key)?.[0]
    return oldest?.revision === modRevision ? [{ key, ...oldest, sub }] : []
  }

  /** What happened from `revision` on, oldest first, at most `limit` revisions. Not below the compacted revision. */
  changesFrom(revision: number, limit = Number.POSITIVE_INFINITY): Change[] {
    const place = this.#placeOf(revision)
    return this.#changes.slice(place, place + limit)
  }

  /** Of the first change at or after `revision`. */
  #placeOf(revision: number): number {
    let low = 0
    let high = this.#changes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#changes[middle]!.revision < revision) low = middle + 1
      else high = middle
    }
    return low
  }

  /** A checksum of all versions up to `revision`: the same on every member. */
  hash(revision = this.#revision): number {
    if (revision < this.#compactRevision) throw etcdErrors.compacted()
    if (revision > this.#revision) throw etcdErrors.futureRevision()
    let hash = 0
    for (const key of this.#keys.within({ key: '', rangeEnd: TO_THE_END })) {
      for (const version of this.#versions.get(key)!) {
        if (version.revision <= revision) hash = crc32(JSON.stringify([key, version]), hash)
      }
    }
    return hash
  }

  /** For snapshots: what `restore` needs. It costs nothing to ask: lists are only ever added to or replaced, and versions are never changed. */
  contents(): StoreContents {
    const base = this.#base
    const changes = this.#changes
    const changeCount = changes.length
    const versions = {
      *[Symbol.iterator]() {
        yield* base
        for (let place = 0; place < changeCount; place++) yield* changes[place]!.events.map(versionOf)
      },
    }
    return { revision: this.#revision, compactRevision: this.#compactRevision, versions }
  }

  /** Becomes the store that `contents` describes, whatever it was before. */
  restore({ versions, ...head }: StoreContents): void {
    const restored = new MvccStore()
    restored.add(versions, head.compactRevision)
    this.become(restored, head)
  }

  /** Takes in versions of a snapshot, in its order, piece by piece. Only for a store that nobody uses yet. */
  add(versions: Iterable<StoredVersion>, compactRevision: number): void {
    for (const stored of versions) {
      const { key, sub: _, ...version } = stored
      if (version.revision < compactRevision) this.#base.push(stored)
      else this.#remember(eventOf(key, version, this.get(key, version.revision)))
      this.#append(key, version)
    }
  }

  /** Takes over everything of another store, which is then not to be used any more. */
  become(other: MvccStore, { revision, compactRevision }: Omit<StoreContents, 'versions'>): void {
    this.#keys = other.#keys
    this.#versions = other.#versions
    this.#changes = other.#changes
    this.#base = other.#base
    this.#bytes = other.#bytes
    this.#revision = revision
    this.#compactRevision = compactRevision
  }

  #remember(event: KeyEvent): void {
    const { modRevision } = event.kv
    const change = this.#changes.at(-1)
    if (change?.revision === modRevision) (change.events as KeyEvent[]).push(event)
    else this.#changes.push({ revision: modRevision, events: [event] })
  }

  #write<Response>(operate: (write: StoreWrite) => Response): Response {
    const events: KeyEvent[] = []
    const revision = this.#revision + 1
    try {
      const response = operate(this.#writeView(revision, events))
      if (events.length > 0) this.#changes.push({ revision, events })
      return response
    } catch (error) {
      for (const event of events.reverse()) this.#undo(event.kv.key)
      this.#revision = revision - 1
      throw error
    }
  }

  #writeView(writeRevision: number, events: KeyEvent[]): StoreWrite {
    const store = this
    const record = (event: KeyEvent) => {
      const prevKv = store.get(event.kv.key)
      store.#revision = writeRevision
      events.push(prevKv ? { ...event, prevKv } : event)
    }
    return {
      writeRevision,
      get revision() {
        return store.#revision
      },
      get compactRevision() {
        return store.#compactRevision
      },
      get: (key, revision) => store.get(key, revision),
      keysIn: (range) => store.keysIn(range),
      requireLease: (id) => store.#requireLease(id),
      set(kv) {
        record({ type: 'PUT', kv })
        store.#append(kv.key, { revision: writeRevision, kv })
      },
      delete(key) {
        record({ type: 'DELETE', kv: tombstone(key, writeRevision) })
        store.#append(key, { revision: writeRevision })
      },
    }
  }

  #append(key: ByteString, version: Versions[number]): void {
    this.#bytes += bytesOf(key, version)
    const versions = this.#versions.get(key)
    if (versions) (versions as Versions[number][]).push(version)
    else this.#replace(key, [version])
  }

  #undo(key: ByteString): void {
    const versions = this.#versions.get(key)!
    this.#bytes -= bytesOf(key, versions.at(-1)!)
    this.#replace(key, versions.slice(0, -1))
  }

  #replace(key: ByteString, versions: Versions): void {
    if (versions.length === 0) {
      this.#versions.delete(key)
      this.#keys.delete(key)
    } else {
      if (!this.#versions.has(key)) this.#keys.add(key)
      this.#versions.set(key, versions)
    }
  }
}

/** What a version costs beside key and value. */
const VERSION_BYTES = 64

function bytesOf(key: ByteString, { kv }: Version): number {
  return VERSION_BYTES + key.length + (kv?.value.length ?? 0)
}

function versionOf({ type, kv }: KeyEvent): StoredVersion {
  return { key: kv.key, revision: kv.modRevision, ...(type === 'PUT' && { kv }) }
}

function eventOf(key: ByteString, { revision, kv }: Version, prevKv: KeyValue | undefined): KeyEvent {
  const event: KeyEvent = kv ? { type: 'PUT', kv } : { type: 'DELETE', kv: tombstone(key, revision) }
  return prevKv ? { ...event, prevKv } : event
}

/** What a DELETE event carries: the key, and the revision of the deletion. */
function tombstone(key: ByteString, revision: number): KeyValue {
  return { key, createRevision: 0, modRevision: revision, version: 0, value: '', lease: '0' }
}
