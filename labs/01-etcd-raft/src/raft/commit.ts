/**
 * When an entry is committed: decided for good, safe to apply and to answer for.
 *
 * An entry of the leader's own term is committed once a majority has it on disk, and with it everything before. Entries of older
 * terms are never committed by counting: figure 8 of the paper shows one on a majority that is still overwritten.
 *
 * State Machine Safety follows: no two members ever apply different entries at the same index.
 * Source: Raft §5.3, §5.4.2.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Entry } from '#kit/raft/messages.ts'
import { type RaftLog, termAt } from './log.ts'
import type { RaftState } from './state.ts'

/**
 * The highest number that a majority of the members has reached; `reached` holds one number per voter, in any order.
 *
 * @lab 1.3 Find what a majority has reached
 */
export function quorumIndex(reached: readonly number[]): number {
  throw new NotImplemented(
    '1.3',
    'quorumIndex',
    'Find what a majority has reached',
    'labs/01-etcd-raft/src/raft/commit.ts',
  )
}

/**
 * The leader's new commit index, given how far each voter's log matches: what a majority holds, if that entry is of the leader's own
 * term, else as before. It never falls. Raft §5.4.2.
 *
 * @lab 1.3 Commit only entries of one's own term by counting
 */
export function leaderCommitIndex(
  leader: { readonly log: RaftLog; readonly term: number; readonly commitIndex: number },
  matchIndexes: readonly number[],
): number {
  throw new NotImplemented(
    '1.3',
    'leaderCommitIndex',
    "Commit only entries of one's own term by counting",
    'labs/01-etcd-raft/src/raft/commit.ts',
  )
}

/**
 * A follower's new commit index: the leader's, but never beyond `lastVouched`, the last entry that the leader's message vouches
 * for, since what follows in our own log may be left over from an older leader. It never falls.
 * Raft figure 2, AppendEntries, rule 5.
 *
 * @lab 1.3 Follow the leader's commit index
 */
export function followerCommitIndex(commitIndex: number, leaderCommit: number, lastVouched: number): number {
  throw new NotImplemented(
    '1.3',
    'followerCommitIndex',
    "Follow the leader's commit index",
    'labs/01-etcd-raft/src/raft/commit.ts',
  )
}

/**
 * The entries that are committed but not yet handed out, in order; each is handed out once.
 *
 * @lab 1.3 Hand out what is committed
 */
export function entriesToApply(log: RaftLog, appliedIndex: number, commitIndex: number): Entry[] {
  throw new NotImplemented(
    '1.3',
    'entriesToApply',
    'Hand out what is committed',
    'labs/01-etcd-raft/src/raft/commit.ts',
  )
}

/** Considers commitment again after some follower, or our own disk, has moved on. Followers hear of it at once. */
export function advanceCommit(raft: RaftState): void {
  raft.progressChanged = false
  const matchIndexes = raft.voters.map((id) => raft.progress[id]!.matchIndex)
  const commitIndex = leaderCommitIndex(raft, matchIndexes)
  if (commitIndex === raft.commitIndex) return
  raft.commitIndex = commitIndex
  raft.mustAnnounce = true
}

/** Whether the leader has committed an entry of its own term, and so knows all that is committed. Raft §8. */
export function knowsCommitted(raft: RaftState): boolean {
  return termAt(raft.log, raft.commitIndex) === raft.term
}
