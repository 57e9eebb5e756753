/**
 * The leader and its followers keep faith with each other: a leader that no majority answers steps down, and whoever hears from a leader
 * listens to no candidate.
 *
 * The first rule ends a leadership that is none: one that still sends but gets no answers holds everyone in place and decides nothing. The
 * second protects a leadership that works against members who, for whatever reason, cannot hear it.
 * Source: Ongaro's thesis §6.2 (stepping down), §4.2.3 (disruptive servers); etcd-io/raft `checkQuorum`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { MemberId, PreVoteRequest, VoteRequest } from '#kit/raft/messages.ts'
import type { RaftState } from './state.ts'

/**
 * Whether there is a leader as far as we can tell: we are it, or we know one and have heard from it within the least election timeout
 * (`timing.electionTicks`; the timeout that we drew for ourselves may be longer). Thesis §4.2.3.
 *
 * @lab 1.11 Tell whether a leader is heard
 */
export function hearsFromLeader(raft: RaftState): boolean {
  throw new NotImplemented(
    '1.11',
    'hearsFromLeader',
    'Tell whether a leader is heard',
    'labs/01-etcd-raft/src/raft/check-quorum.ts',
  )
}

/**
 * Whether to treat a request of a candidate as if it had been lost: neither answered, nor is its term taken over. So it is with one of a newer
 * term that arrives while we hear from a leader: a VoteRequest if the feature `checkQuorum` is on, unless the leader itself wants the election;
 * a PreVoteRequest if `preVote` is on. Thesis §4.2.3.
 *
 * @lab 1.11 Ignore whoever would depose a leader that is heard
 */
export function isDisturbance(raft: RaftState, request: VoteRequest | PreVoteRequest): boolean {
  throw new NotImplemented(
    '1.11',
    'isDisturbance',
    'Ignore whoever would depose a leader that is heard',
    'labs/01-etcd-raft/src/raft/check-quorum.ts',
  )
}

/**
 * Whether a leader has had no answer from a majority for an election timeout: `officeTicks` counts its ticks in office, `heardAt` says at which
 * of them each voter last answered (one that has never answered counts as heard at tick 0). The leader always hears itself. Thesis §6.2.
 *
 * @lab 1.11 Notice that no majority answers any more
 */
export function hasLostQuorum(raft: RaftState): boolean {
  throw new NotImplemented(
    '1.11',
    'hasLostQuorum',
    'Notice that no majority answers any more',
    'labs/01-etcd-raft/src/raft/check-quorum.ts',
  )
}

/** A member has answered: so it hears us, and we hear it. */
export function noteAnswer(raft: RaftState, from: MemberId): void {
  raft.heardAt[from] = raft.officeTicks
}
