/**
 * The multi-version key-value store: what the members agree on.
 *
 * Every write that changes something gets the next revision; reads may ask for any revision that is not compacted. It holds no clock and no
 * randomness: the same requests in the same order give the same store on every member.
 *
 * The data is in `key-index.ts`, by key, and in `change-log.ts`, by revision. What the operations do with it is in `operations.ts` and `txn.ts`;
 * how a write is undone, in `write.ts`.
 * Source: etcd `server/storage/mvcc/kvstore.go`.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { ByteRange } from './byte-range.ts'
import { ChangeLog } from './change-log.ts'
import { KeyIndex } from './key-index.ts'
import { applyDeleteRange, applyPut, applyRange } from './operations.ts'
import { eventOf, type StoreContents, type StoredVersion } from './store-contents.ts'
import type { StoreView, StoreWrite } from './store-view.ts'
import { applyTxn, checkCompaction, txnWrites } from './txn.ts'
import type {
  Change,
  DeleteRangeRequest,
  DeleteRangeResponse,
  KeyValue,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from './types.ts'
import { Write } from './write.ts'

export class MvccStore implements StoreView {
  #index = new KeyIndex()
  #changes = new ChangeLog()
  #revision = 1
  #compactRevision = -1
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
    return this.#index.bytes
  }

  /** How many versions there are, except that those of one revision may count as one. */
  get versionCount(): number {
    return this.#changes.length
  }

  get(key: ByteString, revision = this.#revision): KeyValue | undefined {
    return this.#index.get(key, revision)
  }

  keysIn(range: ByteRange): Iterable<ByteString> {
    return this.#index.keysIn(range)
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

  /** Gives up all revisions before `revision`. Throws `compacted` or `future revision`. */
  compact(revision: number): void {
    checkCompaction(this, revision)
    this.#compactRevision = revision
    this.#changes.compact(revision, this.#index)
  }

  /** What happened from `revision` on, oldest first, at most `limit` revisions. Not below the compacted revision. */
  changesFrom(revision: number, limit = Number.POSITIVE_INFINITY): Change[] {
    return this.#changes.from(revision, limit)
  }

  /** A checksum of all versions up to `revision`: the same on every member. */
  hash(revision = this.#revision): number {
    if (revision < this.#compactRevision) throw etcdErrors.compacted()
    if (revision > this.#revision) throw etcdErrors.futureRevision()
    return this.#index.checksum(revision)
  }

  /** For snapshots: what `restore` needs. It costs nothing to ask. */
  contents(): StoreContents {
    return { revision: this.#revision, compactRevision: this.#compactRevision, versions: this.#changes.versions() }
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
      if (version.revision < compactRevision) this.#changes.restoreBase(stored)
      else this.#changes.restoreEvent(eventOf(key, version, this.get(key, version.revision)))
      this.#index.append(key, version)
    }
  }

  /** Takes over everything of another store, which is then not to be used any more. */
  become(other: MvccStore, { revision, compactRevision }: Omit<StoreContents, 'versions'>): void {
    this.#index = other.#index
    this.#changes = other.#changes
    this.#revision = revision
    this.#compactRevision = compactRevision
  }

  #write<Response>(operate: (write: StoreWrite) => Response): Response {
    const write = new Write(this, this.#index, this.#requireLease)
    try {
      const response = operate(write)
      if (write.events.length > 0) this.#changes.add({ revision: write.writeRevision, events: write.events })
      this.#revision = write.revision
      return response
    } catch (error) {
      write.undo()
      throw error
    }
  }
}
