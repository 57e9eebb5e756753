/**
 * Linearizable reads without writing to the log.
 *
 * A leader may have been deposed without knowing it, so it must not answer from its own store just like that. It notes its commit
 * index, asks everyone "am I still the leader?" (a heartbeat with a round number), and once a majority has answered that round, any
 * state that has applied the noted index is fresh enough. A read takes one round trip and no disk.
 *
 * Guarantee: a read sees every write that was acknowledged, by whomever, before the read began.
 * Source: Ongaro's thesis §6.4; Raft §8; etcd-io/raft `read_only.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { MemberId, ReadIndexResponse } from '#kit/raft/messages.ts'
import { knowsCommitted } from './commit.ts'
import type { RaftState } from './state.ts'

/**
 * The leader takes a read: a new round begins (we have answered it ourselves, in our own progress), the read waits in `pendingReads`
 * with the commit index of now, and everyone is owed a message (`mustAnnounce`). A leader that has not yet committed anything in its
 * term (`knowsCommitted`) does not know the latest commit index: it keeps the read in `earlyReads` and begins no round.
 *
 * @lab 1.9 Begin a round for a read
 */
export function beginRead(raft: RaftState, context: string, from: MemberId): void {
  throw new NotImplemented('1.9', 'beginRead', 'Begin a round for a read', 'labs/01-etcd-raft/src/raft/read-index.ts')
}

/**
 * A follower of our term has answered round `round`, and with it all rounds before. Old answers change nothing.
 *
 * @lab 1.9 Note who still follows us
 */
export function noteReadRound(raft: RaftState, from: MemberId, round: number): void {
  throw new NotImplemented(
    '1.9',
    'noteReadRound',
    'Note who still follows us',
    'labs/01-etcd-raft/src/raft/read-index.ts',
  )
}

/**
 * Lets go every pending read whose round a majority has answered: our own into `confirmedReads`, a follower's back to it as a
 * `ReadIndexResponse`. The others stay in `pendingReads`, in order.
 *
 * @lab 1.9 Release confirmed reads
 */
export function releaseReads(raft: RaftState): void {
  throw new NotImplemented('1.9', 'releaseReads', 'Release confirmed reads', 'labs/01-etcd-raft/src/raft/read-index.ts')
}

/** Reads that came too early begin their round once the leader knows what is committed. */
export function beginEarlyReads(raft: RaftState): void {
  if (raft.earlyReads.length === 0 || !knowsCommitted(raft)) return
  const early = raft.earlyReads
  raft.earlyReads = []
  for (const { context, from } of early) beginRead(raft, context, from)
}

export function handleReadIndexResponse(raft: RaftState, response: ReadIndexResponse): void {
  raft.confirmedReads.push({ context: response.context, index: response.index })
}
