/**
 * Electing a leader: terms, votes, and the timer that starts it all.
 *
 * Election Safety: at most one leader per term. It rests on two facts: a member votes once per term, and any two majorities share
 * a member. Leader Completeness needs one more rule: vote only for a log at least as up to date as one's own.
 * Source: Raft §5.2, §5.4.1; etcd-io/raft `raft.go`.
 */
import type { MemberId, VoteRequest, VoteResponse } from '#kit/raft/messages.ts'
import { lastIndex, lastTerm, replaceFrom } from './log.ts'
import { beginOffice, canStand } from './membership.ts'
import { askBeforeStanding } from './pre-vote.ts'
import { freshProgress } from './progress.ts'
import { drawElectionTimeout, everyMember, otherVoters, type RaftState, send } from './state.ts'

/** What describes how complete a log is. */
export interface LogEnd {
  readonly lastLogIndex: number
  readonly lastLogTerm: number
}

/**
 * Whether `candidate`'s log is at least as up to date as `voter`'s: the later last term wins; with equal last terms, the
 * longer log. Raft §5.4.1.
 *
 * @lab 1.1 Compare how complete two logs are
 */
export function isUpToDate(candidate: LogEnd, voter: LogEnd): boolean {
  if (candidate.lastLogTerm !== voter.lastLogTerm) return candidate.lastLogTerm > voter.lastLogTerm
  return candidate.lastLogIndex >= voter.lastLogIndex
}

/** What a member goes by when it is asked for its vote. */
export interface Voter extends LogEnd {
  readonly term: number
  readonly votedFor: MemberId | null
}

/**
 * Whether to grant a vote: at most one candidate per term, none of an older term, and only one whose log is at least as up to date
 * as ours. Asked again by the same candidate, the answer is again yes. Raft §5.2, §5.4.1.
 *
 * @lab 1.1 Grant or refuse a vote
 */
export function decideVote(voter: Voter, request: Pick<VoteRequest, 'from' | 'term' | keyof LogEnd>): boolean {
  if (request.term < voter.term) return false
  const isFree = request.term > voter.term || voter.votedFor === null || voter.votedFor === request.from
  return isFree && isUpToDate(request, voter)
}

/**
 * How an election stands: `won` with votes from a majority of all voters (not only of those who answered), `lost` when so
 * many refused that a majority is out of reach, else `pending`. Raft §5.2.
 *
 * @lab 1.1 Count the votes
 */
export function tallyVotes(
  votes: Readonly<Record<MemberId, boolean>>,
  voters: readonly MemberId[],
): 'won' | 'lost' | 'pending' {
  const majority = Math.floor(voters.length / 2) + 1
  const granted = voters.filter((id) => votes[id] === true).length
  const refused = voters.filter((id) => votes[id] === false).length
  if (granted >= majority) return 'won'
  return refused > voters.length - majority ? 'lost' : 'pending'
}

/**
 * Follows `leader` (null: nobody is known yet) in `term`. A newer term means a fresh vote; in the same term the vote stays.
 * Starts a fresh, newly drawn election timeout (`drawElectionTimeout`), and forgets what only candidates and leaders keep:
 * votes, progress, reads in progress. Raft §5.1.
 *
 * @lab 1.1 Step back to follower
 */
export function becomeFollower(raft: RaftState, term: number, leader: MemberId | null): void {
  if (term > raft.term) {
    raft.term = term
    raft.votedFor = null
  }
  raft.role = 'follower'
  raft.leader = leader
  forgetOffice(raft)
}

/**
 * Begins a new term as a candidate: term + 1, a vote for ourselves (in `votedFor` and in `votes`), no known leader, a fresh
 * timeout. Raft §5.2.
 *
 * @lab 1.1 Stand for election
 */
export function becomeCandidate(raft: RaftState): void {
  raft.term += 1
  raft.votedFor = raft.id
  raft.role = 'candidate'
  raft.leader = null
  forgetOffice(raft)
  raft.votes = { [raft.id]: true }
}

/**
 * Takes office: we are the leader; everyone who gets the log (`everyMember`) has a `freshProgress` whose `nextIndex` is one past our last
 * entry. Of others nothing matches for certain yet (`matchIndex` 0); our own is what our disk holds, `stableIndex`. `beginTerm`, which
 * is given, then appends the no-op and announces us.
 * Raft figure 2, "Volatile state on leaders".
 *
 * @lab 1.1 Take office
 */
export function becomeLeader(raft: RaftState): void {
  raft.role = 'leader'
  raft.leader = raft.id
  forgetOffice(raft)
  const nextIndex = lastIndex(raft.log) + 1
  for (const id of everyMember(raft)) raft.progress[id] = freshProgress(nextIndex)
  raft.progress[raft.id]!.matchIndex = raft.stableIndex
}

/** What a change of role leaves behind: nothing. */
export function forgetOffice(raft: RaftState): void {
  raft.votes = {}
  raft.progress = {}
  raft.pendingReads = []
  raft.earlyReads = []
  raft.readRound = 0
  raft.mustAnnounce = false
  raft.progressChanged = false
  raft.officeTicks = 0
  raft.heardAt = {}
  raft.leaseRounds = []
  raft.transferee = null
  raft.transferElapsed = 0
  raft.hasOfferedOffice = false
  raft.heartbeatElapsed = 0
  raft.electionElapsed = 0
  raft.electionTimeout = drawElectionTimeout(raft)
}

/**
 * A tick without a leader's sign of life: counts it, and campaigns (`campaign`) once `electionTimeout` ticks have passed.
 * Raft §5.2.
 *
 * @lab 1.1 Lose patience with a silent leader
 */
export function tickElection(raft: RaftState): void {
  raft.electionElapsed += 1
  if (raft.electionElapsed >= raft.electionTimeout) campaign(raft)
}

/**
 * Wants to be elected; with pre-vote, asks first whether there is any hope. Whoever may not stand (see `membership.ts`) only gives up the silent
 * leader, and is ready to vote for another.
 */
export function campaign(raft: RaftState): void {
  if (!canStand(raft)) raft.leader = null
  else if (raft.features.preVote) askBeforeStanding(raft)
  else standForElection(raft, false)
}

/** Stands for election and asks everyone for their vote. Alone in the cluster, one's own vote is a majority. */
export function standForElection(raft: RaftState, leadershipTransfer: boolean): void {
  becomeCandidate(raft)
  for (const to of otherVoters(raft)) {
    send(raft, {
      type: 'VoteRequest',
      to,
      lastLogIndex: lastIndex(raft.log),
      lastLogTerm: lastTerm(raft.log),
      leadershipTransfer,
    })
  }
  concludeElection(raft)
}

/**
 * Answers a vote request of our own term or a newer one (then we have already stepped back to follower): decides, and when the
 * vote is granted, remembers for whom and starts the election timeout again. The answer goes out with `send`.
 *
 * @lab 1.1 Answer a vote request
 */
export function handleVoteRequest(raft: RaftState, request: VoteRequest): void {
  const { term, votedFor, log } = raft
  const granted = decideVote({ term, votedFor, lastLogIndex: lastIndex(log), lastLogTerm: lastTerm(log) }, request)
  if (granted) {
    raft.votedFor = request.from
    raft.electionElapsed = 0
  }
  send(raft, { type: 'VoteResponse', to: request.from, granted })
}

export function handleVoteResponse(raft: RaftState, response: VoteResponse): void {
  if (raft.role !== 'candidate') return
  raft.votes[response.from] = response.granted
  concludeElection(raft)
}

function concludeElection(raft: RaftState): void {
  const outcome = tallyVotes(raft.votes, raft.voters)
  if (outcome === 'won') beginTerm(raft)
  if (outcome === 'lost') becomeFollower(raft, raft.term, null)
}

/** The no-op lets a new leader commit at once what its predecessors left: see `commit.ts`. Raft §8. */
function beginTerm(raft: RaftState): void {
  becomeLeader(raft)
  beginOffice(raft)
  raft.knowsCluster = true
  raft.mustAnnounce = true
  const index = lastIndex(raft.log) + 1
  replaceFrom(raft.log, index, [{ term: raft.term, index, data: '' }])
}
