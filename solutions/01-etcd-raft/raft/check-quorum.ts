/**
 * The leader and its followers keep faith with each other: a leader that no majority answers steps down, and whoever hears from a leader
 * listens to no candidate.
 *
 * The first rule ends a leadership that is none: one that still sends but gets no answers holds everyone in place and decides nothing. The
 * second protects a leadership that works against members who, for whatever reason, cannot hear it.
 * Source: Ongaro's thesis §6.2 (stepping down), §4.2.3 (disruptive servers); etcd-io/raft `checkQuorum`.
 */
import type { MemberId, PreVoteRequest, VoteRequest } from '#kit/raft/messages.ts'
import { quorumIndex } from './commit.ts'
import type { RaftState } from './state.ts'

/**
 * Whether there is a leader as far as we can tell: we are it, or we know one and have heard from it within the least election timeout
 * (`timing.electionTicks`; the timeout that we drew for ourselves may be longer). Thesis §4.2.3.
 *
 * @lab 1.11 Tell whether a leader is heard
 */
export function hearsFromLeader(raft: RaftState): boolean {
  if (raft.role === 'leader') return true
  return raft.leader !== null && raft.electionElapsed < raft.timing.electionTicks
}

/**
 * Whether to treat a request of a candidate as if it had been lost: neither answered, nor is its term taken over. So it is with one of a newer
 * term that arrives while we hear from a leader: a VoteRequest if the feature `checkQuorum` is on, unless the leader itself wants the election;
 * a PreVoteRequest if `preVote` is on. Thesis §4.2.3.
 *
 * @lab 1.11 Ignore whoever would depose a leader that is heard
 */
export function isDisturbance(raft: RaftState, request: VoteRequest | PreVoteRequest): boolean {
  if (request.term <= raft.term || !hearsFromLeader(raft)) return false
  if (request.type === 'PreVoteRequest') return raft.features.preVote
  return raft.features.checkQuorum && !request.leadershipTransfer
}

/**
 * Whether a leader has had no answer from a majority for an election timeout: `officeTicks` counts its ticks in office, `heardAt` says at which
 * of them each voter last answered (one that has never answered counts as heard at tick 0). The leader always hears itself. Thesis §6.2.
 *
 * @lab 1.11 Notice that no majority answers any more
 */
export function hasLostQuorum(raft: RaftState): boolean {
  const heardAt = raft.voters.map((id) => (id === raft.id ? raft.officeTicks : (raft.heardAt[id] ?? 0)))
  return raft.officeTicks - quorumIndex(heardAt) >= raft.timing.electionTicks
}

/** A member has answered: so it hears us, and we hear it. */
export function noteAnswer(raft: RaftState, from: MemberId): void {
  raft.heardAt[from] = raft.officeTicks
}
