/**
 * A store as plain data, for snapshots: a list of versions, from which the same store can be made again, with the events that watches will see.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { KeyEvent, KeyValue } from './types.ts'
import type { Version } from './versions.ts'

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

export function versionOf({ type, kv }: KeyEvent): StoredVersion {
  return { key: kv.key, revision: kv.modRevision, ...(type === 'PUT' && { kv }) }
}

/** The event by which the version came to be; `prevKv` is the key before it. */
export function eventOf(key: ByteString, { revision, kv }: Version, prevKv: KeyValue | undefined): KeyEvent {
  const event: KeyEvent = kv ? { type: 'PUT', kv } : { type: 'DELETE', kv: tombstone(key, revision) }
  return prevKv ? { ...event, prevKv } : event
}

/** What a DELETE event carries: the key, and the revision of the deletion. */
function tombstone(key: ByteString, revision: number): KeyValue {
  return { key, createRevision: 0, modRevision: revision, version: 0, value: '', lease: '0' }
}
