/**
 * Messages: whose term counts, and which function takes which message.
 *
 * A newer term is stepped back into at once, whatever the message; an older one is refused, so that its sender hears of the newer. What
 * is left is of our own term, and goes to the file whose idea it is.
 * Source: Raft §5.1, figure 2 "Rules for Servers".
 */
import type { AppendRequest, AppendResponse, InstallSnapshot, Message, ReadIndexRequest } from '#kit/raft/messages.ts'
import { isDisturbance, noteAnswer } from './check-quorum.ts'
import { followerCommitIndex } from './commit.ts'
import { becomeFollower, handleVoteRequest, handleVoteResponse } from './election.ts'
import { takeForwarded } from './forwarding.ts'
import { abstains, takeRead } from './lease-reads.ts'
import { canStand } from './membership.ts'
import { handlePreVoteRequest, handlePreVoteResponse } from './pre-vote.ts'
import { handleReadIndexResponse, noteReadRound, releaseReads } from './read-index.ts'
import { handleAppendRequest, handleAppendResponse } from './replication.ts'
import { handleInstallSnapshot, withoutCovered } from './snapshot.ts'
import { type RaftState, send } from './state.ts'
import { continueTransfer, handleTimeoutNow } from './transfer.ts'

/** Takes a message from another member. */
export function receive(raft: RaftState, message: Message): void {
  if (isToBeIgnored(raft, message)) return
  if (message.term > raft.term) {
    becomeFollower(raft, message.term, comesFromLeader(message) ? message.from : null)
  }
  if (message.term < raft.term && message.type !== 'ProposeRequest') refuseOldTerm(raft, message)
  else dispatch(raft, message)
}

/** Some requests for votes are treated as if the network had lost them. */
function isToBeIgnored(raft: RaftState, message: Message): boolean {
  if (message.type !== 'VoteRequest' && message.type !== 'PreVoteRequest') return false
  const { preVote, checkQuorum } = raft.features
  return abstains(raft, message) || ((preVote || checkQuorum) && isDisturbance(raft, message))
}

function dispatch(raft: RaftState, message: Message): void {
  if (message.type === 'VoteRequest') handleVoteRequest(raft, message)
  else if (message.type === 'VoteResponse') handleVoteResponse(raft, message)
  else if (message.type === 'PreVoteRequest') handlePreVoteRequest(raft, message)
  else if (message.type === 'PreVoteResponse') handlePreVoteResponse(raft, message)
  else if (message.type === 'AppendRequest') follow(raft, message)
  else if (message.type === 'InstallSnapshot') install(raft, message)
  else if (message.type === 'TimeoutNow') standAtOnce(raft)
  else if (message.type === 'ReadIndexResponse') handleReadIndexResponse(raft, message)
  else if (message.type === 'ProposeRequest') takeForwarded(raft, message.commands)
  else if (raft.role === 'leader') dispatchToLeader(raft, message)
}

function dispatchToLeader(raft: RaftState, message: AppendResponse | ReadIndexRequest): void {
  if (message.type === 'ReadIndexRequest') takeRead(raft, message.context, message.from)
  else {
    noteAnswer(raft, message.from)
    if (message.readRound > 0) noteReadRound(raft, message.from, message.readRound)
    if (raft.pendingReads.length > 0) releaseReads(raft)
    handleAppendResponse(raft, message)
    if (raft.transferee === message.from) continueTransfer(raft)
  }
}

/** Of all messages, only these two show that their sender has won its term. */
function comesFromLeader(message: Message): boolean {
  return message.type === 'AppendRequest' || message.type === 'InstallSnapshot'
}

/** A message from a leader of our own term: there can be only one, so it is the leader. */
function recognise(raft: RaftState, { term, from }: AppendRequest | InstallSnapshot): void {
  const isFirst = !raft.knowsCluster
  // From now on silence means that a leader is gone. The timeout drawn so far was for one that never came, and may be much shorter.
  raft.knowsCluster = true
  if (isFirst || raft.role !== 'follower' || raft.leader !== from) becomeFollower(raft, term, from)
}

function follow(raft: RaftState, sent: AppendRequest): void {
  recognise(raft, sent)
  const request = sent.prevLogIndex < raft.log.compactedIndex ? withoutCovered(raft.log, sent) : sent
  const accepted = handleAppendRequest(raft, request)
  if (!accepted || request.commitIndex <= raft.commitIndex) return
  const lastVouched = request.prevLogIndex + request.entries.length
  raft.commitIndex = followerCommitIndex(raft.commitIndex, request.commitIndex, lastVouched)
}

function install(raft: RaftState, request: InstallSnapshot): void {
  recognise(raft, request)
  handleInstallSnapshot(raft, request)
}

function standAtOnce(raft: RaftState): void {
  if (canStand(raft)) handleTimeoutNow(raft)
}

/** A message from the past. Those who would act on it as leader or candidate hear of the newer term. Raft §5.1. */
function refuseOldTerm(raft: RaftState, message: Message): void {
  if (message.type === 'VoteRequest') send(raft, { type: 'VoteResponse', to: message.from, granted: false })
  if (message.type === 'PreVoteRequest') send(raft, { type: 'PreVoteResponse', to: message.from, granted: false })
  if (message.type !== 'AppendRequest' && message.type !== 'InstallSnapshot') return
  const rejectedIndex = message.type === 'AppendRequest' ? message.prevLogIndex : message.snapshot.index
  const answer = { type: 'AppendResponse', to: message.from, accepted: false, matchIndex: 0 } as const
  send(raft, { ...answer, rejectedIndex, conflict: { index: 0, term: 0 }, readRound: 0 })
}
