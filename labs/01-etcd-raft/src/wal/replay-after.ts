/**
 * Starting from a snapshot: which one, which records come after it, and which files nobody will ever need again.
 *
 * A snapshot's file comes first, and then its mark in the write-ahead log. So a mark promises that the file was whole and on disk; a file
 * without a mark may be the leftover of a crash, and does not count.
 * Source: etcd `server/storage/wal` (`ValidSnapshotEntries`, `ReleaseLockTo`), `server/etcdserver/api/snap` (`LoadNewestAvailable`).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { SnapshotMetadata } from '#kit/raft/messages.ts'
import type { Restored, WalRecord } from './replay.ts'

/**
 * The snapshots to start from, best first: of the files found, those that have a mark in the log with the same index and term, by falling index.
 *
 * @lab 1.5 Choose the snapshot to start from
 */
export function usableSnapshots<Id extends Pick<SnapshotMetadata, 'index' | 'term'>>(
  found: readonly Id[],
  records: readonly WalRecord[],
): readonly Id[] {
  throw new NotImplemented(
    '1.5',
    'usableSnapshots',
    'Choose the snapshot to start from',
    'labs/01-etcd-raft/src/wal/replay-after.ts',
  )
}

/**
 * As `replay`, for a log of which `snapshot` replaces the beginning: the entries after its index. Entries up to it are passed over, and still make
 * void what was read before them. Throws an `Error` when an index is missing.
 *
 * A mark names an entry that the log so far may hold (same index, same term): then the snapshot was this member's own, and the mark changes nothing.
 * If not, the snapshot came from a leader in place of the whole log. All entries read so far are void when it is `snapshot`; when it is beyond
 * `snapshot`, they are lost with its file: throws an `Error`.
 *
 * @lab 1.5 Rebuild the log from a snapshot on
 */
export function replayAfter(
  snapshot: Pick<SnapshotMetadata, 'index' | 'term'>,
  records: readonly WalRecord[],
): Restored {
  throw new NotImplemented(
    '1.5',
    'replayAfter',
    'Rebuild the log from a snapshot on',
    'labs/01-etcd-raft/src/wal/replay-after.ts',
  )
}

/**
 * Of a log's files, oldest first, those that may be deleted when `snapshotIndex` is the oldest snapshot that may still be needed: all before the last
 * one whose `firstIndex` is not beyond it. That one stays, since entry `snapshotIndex` may be in it, and with it the snapshot's mark.
 *
 * @lab 1.5 Find the files that nobody needs
 */
export function obsoleteSegments<Segment extends { readonly firstIndex: number }>(
  segments: readonly Segment[],
  snapshotIndex: number,
): readonly Segment[] {
  throw new NotImplemented(
    '1.5',
    'obsoleteSegments',
    'Find the files that nobody needs',
    'labs/01-etcd-raft/src/wal/replay-after.ts',
  )
}

export interface SnapshotPolicy {
  /** A snapshot is due when this many entries have been applied since the last one. */
  readonly snapshotCount: number
  /** So many entries before a snapshot stay in memory, for followers that are a little behind: a snapshot is much more to send. */
  readonly catchUpEntries: number
}

/**
 * Whether a snapshot is due: undefined if not, else up to which index the log in memory can be shortened once it is on disk. Never below 0.
 *
 * @lab 1.5 Decide when a snapshot is due
 */
export function dueSnapshot(
  appliedIndex: number,
  lastSnapshotIndex: number,
  policy: SnapshotPolicy,
): { readonly compactIndex: number } | undefined {
  throw new NotImplemented(
    '1.5',
    'dueSnapshot',
    'Decide when a snapshot is due',
    'labs/01-etcd-raft/src/wal/replay-after.ts',
  )
}
