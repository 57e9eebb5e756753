/**
 * Starting from a snapshot: which one, which records come after it, and which files nobody will ever need again.
 *
 * A snapshot's file comes first, and then its mark in the write-ahead log. So a mark promises that the file was whole and on disk; a file
 * without a mark may be the leftover of a crash, and does not count.
 * Source: etcd `server/storage/wal` (`ValidSnapshotEntries`, `ReleaseLockTo`), `server/etcdserver/api/snap` (`LoadNewestAvailable`).
 */
import type { Entry, HardState, SnapshotMetadata } from '#kit/raft/messages.ts'
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
  const marks = records.flatMap(({ snapshot }) => snapshot ?? [])
  return found
    .filter(({ index, term }) => marks.some((mark) => mark.index === index && mark.term === term))
    .sort((a, b) => b.index - a.index)
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
  let hardState: HardState | undefined
  let termAtSnapshot: number | undefined
  const entries: Entry[] = []
  const termAt = (index: number) =>
    index === snapshot.index ? termAtSnapshot : entries[index - snapshot.index - 1]?.term
  for (const record of records) {
    hardState = record.hardState ?? hardState
    const mark = record.snapshot
    if (mark && mark.index >= snapshot.index && termAt(mark.index) !== mark.term) {
      if (mark.index > snapshot.index) throw new Error(`all up to entry ${mark.index} is in a snapshot that is missing`)
      entries.length = 0
    }
    for (const entry of record.entries) {
      const next = snapshot.index + entries.length + 1
      if (entry.index > next) throw new Error(`entry ${next} is missing before ${entry.index}`)
      entries.length = Math.max(0, entry.index - snapshot.index - 1)
      if (entry.index > snapshot.index) entries.push(entry)
      else termAtSnapshot = entry.index === snapshot.index ? entry.term : undefined
    }
  }
  return { hardState, entries }
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
  const needed = segments.findLastIndex(({ firstIndex }) => firstIndex <= snapshotIndex)
  return segments.slice(0, Math.max(0, needed))
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
  if (appliedIndex - lastSnapshotIndex < policy.snapshotCount) return undefined
  return { compactIndex: Math.max(0, appliedIndex - policy.catchUpEntries) }
}
