/**
 * All that the API server asks of etcd: six of etcd's v3 calls, with the fields that matter.
 *
 * Two stores keep this contract: kit/apiserver/etcd-key-value-store.ts over etcd's gRPC (ours of lab 1 or the real one), and
 * kit/sim/etcd-store.ts in memory, for tests. Both pass the same suite.
 *
 * Words are etcd's. The store has one `revision`, which every change raises by one; a key remembers the revision of its
 * last change as `modRevision`. Values are text (JSON).
 */
export interface KeyValue {
  readonly key: string
  readonly value: string
  readonly modRevision: number
}

/** Keys k with `from <= k < to`. */
export interface KeyRange {
  readonly from: string
  readonly to: string
}

/**
 * One compare, one operation if it holds, and a read if it does not: the only transaction that the API server needs.
 * A `modRevision` of 0 means "the key does not exist".
 */
export interface TxnRequest {
  readonly compare: { readonly key: string; readonly modRevision: number }
  readonly success:
    | { readonly put: { readonly key: string; readonly value: string; readonly lease?: string | undefined } }
    | { readonly delete: { readonly key: string } }
  readonly failure?: { readonly get: { readonly key: string } }
}

export interface TxnResponse {
  readonly succeeded: boolean
  /** The store's revision after the transaction: after a put or delete, the revision of that change. */
  readonly revision: number
  /** What `failure.get` found. */
  readonly current?: KeyValue | undefined
}

export interface RangeResponse {
  /** The store's revision when it answered (with `revision` given: still the newest). */
  readonly revision: number
  readonly kvs: readonly KeyValue[]
  /** How many keys the range has, also beyond the limit. */
  readonly count: number
}

/** How new a key is, and how new the store that says so. */
export interface KeyVersion {
  /** The store's revision when it answered. */
  readonly revision: number
  /** 0: there is no such key. */
  readonly modRevision: number
}

export interface KeyValueEvent {
  readonly type: 'put' | 'delete'
  readonly key: string
  /** The revision of this change. */
  readonly modRevision: number
  /** Of the new value, about. */
  readonly bytes: number
  /** The new value; absent for a delete. */
  readonly value?: string | undefined
  /** The value before; absent for a creation. */
  readonly previous?: string | undefined
}

/** All changes up to and including `revision` have now been delivered. Without events: a progress notification. */
export interface KeyValueBatch {
  readonly revision: number
  readonly events: readonly KeyValueEvent[]
}

/** Ends with an error when the connection is lost, with CompactedError when the start revision is gone. */
export interface KeyValueWatch extends AsyncIterable<KeyValueBatch> {
  /** Asks for a batch that tells how far the watch has come. */
  requestProgress(): void
  cancel(): void
}

export interface KeyValueStore {
  /**
   * Whether a progress notification can be believed. Before 3.5.13 etcd may send one ahead of the changes that it claims
   * to come after.
   */
  readonly progressIsReliable: boolean
  /** Linearizable. Throws CompactedError when `revision` is compacted. */
  range(options: KeyRange & { readonly limit?: number; readonly revision?: number }): Promise<RangeResponse>
  /** Linearizable, like a range of the one key, but without its value: many may ask at the same time for little. */
  versionOf(key: string): Promise<KeyVersion>
  /**
   * Linearizable. Whether a range is no longer what it was at `revision`, when it had `count` keys: a newer key, or another
   * number of them. (No key is newer, so all that are there were there; and as many: so none has gone.)
   */
  changedSince(known: KeyRange & { readonly revision: number; readonly count: number }): Promise<boolean>
  txn(request: TxnRequest): Promise<TxnResponse>
  /** Every change from `startRevision` on, in order, each once. */
  watch(options: KeyRange & { readonly startRevision: number }): KeyValueWatch
  /** A lease's id. Keys put with it vanish after `ttlSeconds`. */
  grantLease(ttlSeconds: number): Promise<string>
  /** Forgets the history before `revision`. */
  compact(revision: number): Promise<void>
  close(): void
}

/** etcd: "mvcc: required revision has been compacted". */
export class CompactedError extends Error {
  override readonly name = 'CompactedError'
  readonly compactRevision: number

  constructor(compactRevision: number) {
    super('etcdserver: mvcc: required revision has been compacted')
    this.compactRevision = compactRevision
  }
}

/** The range of all keys that begin with `prefix`. */
export function prefixRange(prefix: string): KeyRange {
  const last = prefix.charCodeAt(prefix.length - 1)
  return { from: prefix, to: prefix.slice(0, -1) + String.fromCharCode(last + 1) }
}

/** The range of one key. */
export function singleKey(key: string): KeyRange {
  return { from: key, to: `${key}\0` }
}
