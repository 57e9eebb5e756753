/**
 * The history of one key: every value it had, and when it was deleted.
 *
 * Each write of the store gets the next revision, and nothing is overwritten: a write adds a version. So a read at an old
 * revision sees exactly what was there, until compaction gives that revision up.
 * Source: etcd `server/storage/mvcc/key_index.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { KeyValue } from './types.ts'

export interface Version {
  readonly revision: number
  /** Left out: at this revision the key was deleted. */
  readonly kv?: KeyValue
}

/** A key's versions, oldest first, by rising revision; never empty. */
export type Versions = readonly Version[]

/**
 * The key as it was at `revision`: its newest version at or before it; undefined when it did not exist then.
 *
 * @lab 1.6 Look a key up at a revision
 */
export function versionAt(versions: Versions, revision: number): KeyValue | undefined {
  throw new NotImplemented('1.6', 'versionAt', 'Look a key up at a revision', 'labs/01-etcd-raft/src/mvcc/versions.ts')
}

/**
 * The key after a put at `revision`. A new key (`previous` undefined: it never was, or is deleted) is created at this revision with version 1; an
 * existing one keeps its createRevision and its version rises by one.
 *
 * @lab 1.6 Count revisions and versions
 */
export function nextKeyValue(
  previous: KeyValue | undefined,
  put: { readonly key: ByteString; readonly value: ByteString; readonly lease: string },
  revision: number,
): KeyValue {
  throw new NotImplemented(
    '1.6',
    'nextKeyValue',
    'Count revisions and versions',
    'labs/01-etcd-raft/src/mvcc/versions.ts',
  )
}

/**
 * What is kept of a key when the store is compacted at `revision`: all versions after it, and the newest one at or before it, which still
 * answers reads at `revision`. A deletion among those is not kept when it is older than `revision`: there is nothing to answer.
 * May return none.
 *
 * @lab 1.7 Give up old versions
 */
export function compactVersions(versions: Versions, revision: number): Versions {
  throw new NotImplemented('1.7', 'compactVersions', 'Give up old versions', 'labs/01-etcd-raft/src/mvcc/versions.ts')
}
