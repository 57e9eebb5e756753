/**
 * Asking before standing for election.
 *
 * A member that was cut off would raise its term once per election timeout, and with the high term topple a healthy leader when it comes
 * back. So it first asks: would you vote for me, in the term after mine? Asking costs nothing and changes nothing: no term rises, no vote is
 * given away. Only a majority that says yes makes it stand.
 *
 * Nothing here is needed for safety: a wrong yes leads to an election, which is safe by itself. What is at stake is that elections happen
 * when they must, and only then.
 * Source: Ongaro's thesis §9.6; etcd-io/raft `raft.go`, `campaignPreElection`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { PreVoteRequest, PreVoteResponse } from '#kit/raft/messages.ts'
import { hearsFromLeader } from './check-quorum.ts'
import type { LogEnd } from './election.ts'
import { lastIndex, lastTerm } from './log.ts'
import { otherVoters, type RaftState, send } from './state.ts'

/**
 * Begins to ask: the role changes, no leader is known any more, our own yes is in `votes`, and a fresh timeout begins (`forgetOffice`).
 * The term and the vote stay what they are. Thesis §9.6.
 *
 * @lab 1.11 Ask before standing
 */
export function becomePreCandidate(raft: RaftState): void {
  throw new NotImplemented(
    '1.11',
    'becomePreCandidate',
    'Ask before standing',
    'labs/01-etcd-raft/src/raft/pre-vote.ts',
  )
}

/** What a member goes by when it is asked whether it would vote. */
export interface AskedMember extends LogEnd {
  readonly hearsFromLeader: boolean
}

/**
 * Whether we would vote for this member, were it to stand: not while we hear from a leader, and only for a log at least as up to date as
 * ours. Whom we have voted for does not matter, since the question is about a later term. Thesis §9.6.
 *
 * @lab 1.11 Say whether one would vote
 */
export function decidePreVote(asked: AskedMember, request: LogEnd): boolean {
  throw new NotImplemented(
    '1.11',
    'decidePreVote',
    'Say whether one would vote',
    'labs/01-etcd-raft/src/raft/pre-vote.ts',
  )
}

/**
 * Judges the answers so far (`tallyVotes`): with a majority of yes, stand for election (`standForElection`, which is no transfer of
 * leadership); when that is out of reach, be a follower again, in the same term, without a leader.
 *
 * @lab 1.11 Stand once a majority would agree
 */
export function concludePreVote(raft: RaftState): void {
  throw new NotImplemented(
    '1.11',
    'concludePreVote',
    'Stand once a majority would agree',
    'labs/01-etcd-raft/src/raft/pre-vote.ts',
  )
}

/** Asks everyone. Alone in the cluster, one's own yes is a majority. */
export function askBeforeStanding(raft: RaftState): void {
  becomePreCandidate(raft)
  const logEnd = { lastLogIndex: lastIndex(raft.log), lastLogTerm: lastTerm(raft.log) }
  for (const to of otherVoters(raft)) send(raft, { type: 'PreVoteRequest', to, ...logEnd })
  concludePreVote(raft)
}

/** A member that does not ask itself has no objection either: the election proper will decide. */
export function handlePreVoteRequest(raft: RaftState, request: PreVoteRequest): void {
  const { log, features } = raft
  const granted =
    !features.preVote ||
    decidePreVote(
      { hearsFromLeader: hearsFromLeader(raft), lastLogIndex: lastIndex(log), lastLogTerm: lastTerm(log) },
      request,
    )
  send(raft, { type: 'PreVoteResponse', to: request.from, granted })
}

export function handlePreVoteResponse(raft: RaftState, response: PreVoteResponse): void {
  if (raft.role !== 'pre-candidate') return
  raft.votes[response.from] = response.granted
  concludePreVote(raft)
}
