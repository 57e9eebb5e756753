/**
 * From records back to what a member knew: its term, its vote, its log.
 *
 * The write-ahead log is only ever appended to. When a new leader makes us replace entries, the replacements are written
 * after them, and reading in order sorts it out: an entry with index i makes void everything from i on that came before.
 * Source: etcd `server/storage/wal/wal.go` `ReadAll`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Entry, HardState, SnapshotMetadata } from '#kit/raft/messages.ts'

/** What one write added: the new hard state, if it changed, and new entries. */
export interface WalRecord {
  readonly hardState?: HardState
  readonly entries: readonly Entry[]
  /** A mark: a snapshot up to here has its own file, which was on disk before this was written. */
  readonly snapshot?: SnapshotMetadata
}

export interface Restored {
  readonly hardState: HardState | undefined
  readonly entries: Entry[]
}

/**
 * The last hard state written, and the log: later entries replace earlier ones from their index on. Throws an `Error` when an index is
 * missing in between, since then something that was written is gone.
 *
 * @lab 1.4 Rebuild the log from its records
 */
export function replay(records: readonly WalRecord[]): Restored {
  throw new NotImplemented('1.4', 'replay', 'Rebuild the log from its records', 'labs/01-etcd-raft/src/wal/replay.ts')
}
