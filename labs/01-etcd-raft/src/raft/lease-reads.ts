/**
 * Reads without a round of messages, by trust in clocks. Off unless asked for.
 *
 * With check-quorum, whoever has heard from the leader votes for nobody else for an election timeout. So a leader that was answered by a
 * majority knows that nobody can replace it before that time is over, counted from when it *sent* what they answered. Until then
 * it answers reads at once.
 *
 * This holds only while no clock runs much slower than another, and no member is paused: a leader that counts its time too slowly believes in
 * its lease after the others have elected somebody else, and answers from the past. That is why it is off.
 * Source: Ongaro's thesis §6.4.1; etcd-io/raft `ReadOnlyLeaseBased`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { MemberId, Message } from '#kit/raft/messages.ts'
import { knowsCommitted } from './commit.ts'
import { beginRead } from './read-index.ts'
import { type RaftState, send } from './state.ts'

/**
 * Whether nobody else can lead yet: the newest of `leaseRounds` that a majority of the voters has answered (`readRound` in their progress) was
 * sent less than an election timeout minus one tick ago, by `officeTicks`. That tick is lost to rounding: others' ticks fall between ours. There is no
 * lease once we have offered our office to somebody (`hasOfferedOffice`), who may stand at any time. Thesis §6.4.1.
 *
 * @lab 1.11 Tell whether the lease still holds
 */
export function holdsLease(raft: RaftState): boolean {
  throw new NotImplemented(
    '1.11',
    'holdsLease',
    'Tell whether the lease still holds',
    'labs/01-etcd-raft/src/raft/lease-reads.ts',
  )
}

/** A leader is asked to read: by its lease if it can, else by a round of messages. */
export function takeRead(raft: RaftState, context: string, from: MemberId): void {
  const isSure = raft.features.leaseReads && knowsCommitted(raft) && holdsLease(raft)
  if (!isSure) beginRead(raft, context, from)
  else if (from === raft.id) raft.confirmedReads.push({ context, index: raft.commitIndex })
  else send(raft, { type: 'ReadIndexResponse', to: from, context, index: raft.commitIndex })
}

/** With every heartbeat a round begins, so that its answers renew the lease. */
export function beginLeaseRound(raft: RaftState): void {
  const { officeTicks, timing, progress, id } = raft
  raft.readRound += 1
  progress[id]!.readRound = raft.readRound
  const recent = raft.leaseRounds.filter(({ sentAt }) => officeTicks - sentAt < timing.electionTicks)
  raft.leaseRounds = [...recent, { round: raft.readRound, sentAt: officeTicks }]
}

/**
 * Whether this member keeps out of other people's elections: having restarted, it no longer knows whom it heard, and lets pass as much time as a
 * lease can last that rests on it.
 */
export function abstains(raft: RaftState, message: Message): boolean {
  if (raft.abstainTicks === 0) return false
  return message.type === 'PreVoteRequest' || (message.type === 'VoteRequest' && !message.leadershipTransfer)
}
