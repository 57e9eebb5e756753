/**
 * Snapshots: what replaces a log that has grown too long.
 *
 * Source: Raft §7.
 */
import type { InstallSnapshot, SnapshotMetadata } from '#kit/raft/messages.ts'
import { termAt } from './log.ts'
import type { RaftState } from './state.ts'

/** What a snapshot of the state machine, as it is applied now, would stand for. */
export function describeSnapshot({ log, appliedIndex, voters, learners }: RaftState): SnapshotMetadata {
  return { index: appliedIndex, term: termAt(log, appliedIndex) ?? 0, voters, learners }
}

/** A snapshot is on disk: entries up to `compactIndex` are not needed any more. */
export function compactLog(_raft: RaftState, _snapshot: SnapshotMetadata, _compactIndex: number): void {}

/** The leader sent a snapshot in place of entries that it no longer has. */
export function handleInstallSnapshot(_raft: RaftState, _request: InstallSnapshot): void {}
