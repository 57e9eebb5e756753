/**
 * Snapshots: what replaces a log that has grown too long.
 *
 * A snapshot says what the state machine looked like after the entry at `index`. Whoever has it needs none of the entries up to
 * there, so the log may forget them: all but the last one's index and term, which the next append will be checked against. A
 * follower that needs a forgotten entry gets the snapshot instead.
 *
 * The core never sees what is in a snapshot. It decides when one is needed, and what it does to the log; whoever drives the core stores
 * the content and carries it over.
 * Guarantee: only what is applied is ever forgotten, and nothing that is committed is ever taken back.
 * Source: Raft §7; etcd-io/raft `raft.go` handleSnapshot, restore.
 */
import type { AppendRequest, InstallSnapshot, MemberId, SnapshotMetadata } from '#kit/raft/messages.ts'
import { emptyLog, entriesBetween, holdsEntry, lastIndex, type RaftLog, termAt } from './log.ts'
import { awaitSnapshot } from './progress.ts'
import { type RaftState, send } from './state.ts'

/** What a snapshot of the state machine, as it is applied now, would stand for. */
export function describeSnapshot({ appliedIndex, appliedTerm, voters, learners }: RaftState): SnapshotMetadata {
  return { index: appliedIndex, term: appliedTerm, voters, learners }
}

/**
 * The log without its entries up to `index`; it remembers that entry's index and term. A log that has already forgotten as much stays as it is.
 * Raft §7.
 *
 * @lab 1.5 Forget the beginning of a log
 */
export function forgetUpTo(log: RaftLog, index: number): RaftLog {
  if (index <= log.compactedIndex) return log
  return { ...emptyLog(index, termAt(log, index)), entries: entriesBetween(log, index + 1, lastIndex(log)) }
}

/**
 * A snapshot is on disk, so entries up to `compactIndex` are not needed any more (`forgetUpTo`). The newest snapshot is remembered in
 * `raft.snapshot`, for followers that will need it. Never forget what the snapshot does not cover, or what we have not applied ourselves. Raft §7.
 *
 * @lab 1.5 Forget what a snapshot covers
 */
export function compactLog(raft: RaftState, snapshot: SnapshotMetadata, compactIndex: number): void {
  if (snapshot.index > (raft.snapshot?.index ?? 0)) raft.snapshot = snapshot
  raft.log = forgetUpTo(raft.log, Math.min(compactIndex, snapshot.index, raft.appliedIndex))
}

/** Whether the log no longer holds what this follower needs next, or the entry before it. */
export function needsSnapshot(raft: RaftState, to: MemberId): boolean {
  return raft.progress[to]!.nextIndex <= raft.log.compactedIndex
}

/** Sends our newest snapshot in place of entries that we no longer have. Appends are held back until it is answered. Raft §7. */
export function sendSnapshot(raft: RaftState, to: MemberId): void {
  const snapshot = raft.snapshot!
  send(raft, { type: 'InstallSnapshot', to, snapshot })
  awaitSnapshot(raft.progress[to]!, snapshot.index)
}

/**
 * An append that begins before our snapshot's end, as if it had been sent from there: without the entries that the snapshot covers, and with the
 * entry where our log begins as the one before. What a snapshot covers is committed, so it is in the leader's log too. Raft §7.
 *
 * @lab 1.5 Leave out what a snapshot covers
 */
export function withoutCovered(log: RaftLog, request: AppendRequest): AppendRequest {
  return {
    ...request,
    prevLogIndex: log.compactedIndex,
    prevLogTerm: log.compactedTerm,
    entries: request.entries.filter((entry) => entry.index > log.compactedIndex),
  }
}

/**
 * The leader sent a snapshot. It is alive, so the election timeout starts again. Three cases:
 *
 * - We have committed as much already: nothing changes.
 * - Our log holds the snapshot's last entry (same index, same term): then it holds all before it too. Keep it, with all that follows; only
 *   what is committed moves on.
 * - Else `replaceLog`.
 *
 * In each case the answer is an accepted AppendResponse that says how far we certainly match: up to our commit index. Raft §7.
 *
 * @lab 1.5 Take over a snapshot
 */
export function handleInstallSnapshot(raft: RaftState, request: InstallSnapshot): void {
  raft.electionElapsed = 0
  const { snapshot, from } = request
  if (snapshot.index > raft.commitIndex) {
    if (holdsEntry(raft.log, snapshot.index, snapshot.term)) raft.commitIndex = snapshot.index
    else replaceLog(raft, snapshot)
  }
  const nothing = { rejectedIndex: 0, conflict: { index: 0, term: 0 }, readRound: 0 }
  send(raft, { type: 'AppendResponse', to: from, accepted: true, matchIndex: raft.commitIndex, ...nothing })
}

/**
 * Begins a new log right after the snapshot: what ours held is unlike the leader's, or far behind it. What the snapshot covers is committed, and it is
 * on disk already. It waits in `receivedSnapshot` to be handed out with `ready`; what is applied, and who is a member, follow once it is installed.
 * Raft §7.
 *
 * @lab 1.5 Begin a new log after a snapshot
 */
export function replaceLog(raft: RaftState, snapshot: SnapshotMetadata): void {
  raft.log = emptyLog(snapshot.index, snapshot.term)
  raft.commitIndex = snapshot.index
  raft.stableIndex = snapshot.index
  raft.receivedSnapshot = snapshot
}
