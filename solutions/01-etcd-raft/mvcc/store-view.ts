/**
 * The store as its operations see it: while they read, and while they write.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { ByteRange } from './byte-range.ts'
import type { KeyValue } from './types.ts'

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
