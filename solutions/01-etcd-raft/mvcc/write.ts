/**
 * One write under way: it changes the index at once, so that it reads what it has written, and remembers what it did, so that it can be undone.
 *
 * Guarantee: after `undo`, the index is as it was before.
 * Source: etcd `server/storage/mvcc/kvstore_txn.go`.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { ByteRange } from './byte-range.ts'
import type { KeyIndex } from './key-index.ts'
import { eventOf } from './store-contents.ts'
import type { StoreView, StoreWrite } from './store-view.ts'
import type { KeyEvent, KeyValue } from './types.ts'
import type { Version } from './versions.ts'

export class Write implements StoreWrite {
  readonly writeRevision: number
  readonly compactRevision: number
  readonly requireLease: (id: string) => void
  /** What it has changed so far, in order. */
  readonly events: KeyEvent[] = []
  readonly #index: KeyIndex

  constructor(before: StoreView, index: KeyIndex, requireLease: (id: string) => void) {
    this.writeRevision = before.revision + 1
    this.compactRevision = before.compactRevision
    this.requireLease = requireLease
    this.#index = index
  }

  get revision(): number {
    return this.events.length > 0 ? this.writeRevision : this.writeRevision - 1
  }

  get(key: ByteString, revision = this.revision): KeyValue | undefined {
    return this.#index.get(key, revision)
  }

  keysIn(range: ByteRange): Iterable<ByteString> {
    return this.#index.keysIn(range)
  }

  set(kv: KeyValue): void {
    this.#append(kv.key, { revision: this.writeRevision, kv })
  }

  delete(key: ByteString): void {
    this.#append(key, { revision: this.writeRevision })
  }

  /** The last change first. */
  undo(): void {
    for (const { kv } of this.events.toReversed()) this.#index.dropNewest(kv.key)
  }

  #append(key: ByteString, version: Version): void {
    this.events.push(eventOf(key, version, this.get(key)))
    this.#index.append(key, version)
  }
}
