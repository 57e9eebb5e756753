/**
 * A Raft member as a pure state machine: ticks, messages and proposals in, `Ready` out.
 *
 * The driver loop, which owns clock, disk and sockets, repeats: take `ready()`, persist, send, apply, `advance()`. Nothing that is
 * not on disk is ever spoken of, because messages wait in the outbox until the `Ready` that also holds what they rest on.
 *
 * This file only dispatches. Elections, replication, commitment and reads have a file each.
 * Source: etcd-io/raft `doc.go`; Raft figure 2, "Rules for Servers".
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type {
  AppendRequest,
  AppendResponse,
  HardState,
  MemberId,
  MembershipChange,
  Message,
  ProposeRequest,
  RaftCore,
  RaftStatus,
  ReadIndexRequest,
  Ready,
  SnapshotMetadata,
} from '#kit/raft/messages.ts'
import { advanceCommit, entriesToApply, followerCommitIndex } from './commit.ts'
import {
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  campaign,
  handleVoteRequest,
  handleVoteResponse,
  tickElection,
} from './election.ts'
import { entriesBetween, lastIndex, termAt } from './log.ts'
import { proposeChange } from './membership.ts'
import { handlePreVoteRequest, handlePreVoteResponse } from './pre-vote.ts'
import { beginEarlyReads, beginRead, handleReadIndexResponse, noteReadRound, releaseReads } from './read-index.ts'
import { appendAsLeader, handleAppendRequest, handleAppendResponse, hasMoreFor, replicate } from './replication.ts'
import { compactLog, describeSnapshot, handleInstallSnapshot } from './snapshot.ts'
import { otherVoters, type RaftState, send } from './state.ts'
import { handleTimeoutNow, transferLeadership } from './transfer.ts'

export class Raft implements RaftCore {
  readonly #raft: RaftState

  constructor(state: RaftState) {
    this.#raft = state
  }

  tick(): void {
    if (this.#raft.role === 'leader') tickHeartbeat(this.#raft)
    else tickElection(this.#raft)
  }

  /** Begins an election now, without waiting for the timeout. */
  campaign(): void {
    campaign(this.#raft)
  }

  step(message: Message): void {
    const raft = this.#raft
    if (message.term > raft.term) {
      becomeFollower(raft, message.term, message.type === 'AppendRequest' ? message.from : null)
    }
    if (message.term < raft.term) refuseOldTerm(raft, message)
    else dispatch(raft, message)
  }

  propose(command: ByteString): boolean {
    const raft = this.#raft
    if (raft.role === 'leader') appendAsLeader(raft, [command])
    else if (raft.leader === null) return false
    else send(raft, { type: 'ProposeRequest', to: raft.leader, commands: [command] })
    return true
  }

  readIndex(context: string): boolean {
    const raft = this.#raft
    if (raft.role === 'leader') beginRead(raft, context, raft.id)
    else if (raft.leader === null) return false
    else send(raft, { type: 'ReadIndexRequest', to: raft.leader, context })
    return true
  }

  proposeChange(change: MembershipChange, data: ByteString): boolean {
    return proposeChange(this.#raft, change, data)
  }

  transferLeadership(to: MemberId): boolean {
    return transferLeadership(this.#raft, to)
  }

  snapshotMetadata(): SnapshotMetadata {
    return describeSnapshot(this.#raft)
  }

  compact(snapshot: SnapshotMetadata, compactIndex: number): void {
    compactLog(this.#raft, snapshot, compactIndex)
  }

  hasReady(): boolean {
    const raft = this.#raft
    return (
      raft.outbox.length > 0 ||
      raft.stableIndex < lastIndex(raft.log) ||
      raft.appliedIndex < raft.commitIndex ||
      raft.confirmedReads.length > 0 ||
      raft.receivedSnapshot !== null ||
      hardStateChanged(raft) ||
      (raft.role === 'leader' && leaderHasWork(raft))
    )
  }

  ready(): Ready {
    const raft = this.#raft
    if (raft.role === 'leader') lead(raft)
    const { outbox, confirmedReads, receivedSnapshot, appliedIndex, commitIndex, log } = raft
    raft.outbox = []
    raft.confirmedReads = []
    raft.receivedSnapshot = null
    return {
      ...(hardStateChanged(raft) && { hardState: hardStateOf(raft) }),
      ...(receivedSnapshot && { snapshot: receivedSnapshot }),
      entries: entriesBetween(log, raft.stableIndex + 1, lastIndex(log)),
      messages: outbox,
      committedEntries: commitIndex > appliedIndex ? entriesToApply(log, appliedIndex, commitIndex) : [],
      reads: confirmedReads,
    }
  }

  advance(ready: Ready): void {
    const raft = this.#raft
    if (ready.hardState) raft.persisted = ready.hardState
    raft.appliedIndex = ready.committedEntries.at(-1)?.index ?? raft.appliedIndex
    // While the disk was writing, a newer leader may have replaced some of these entries.
    const stable = ready.entries.findLast((entry) => termAt(raft.log, entry.index) === entry.term)
    if (!stable) return
    raft.stableIndex = Math.max(raft.stableIndex, stable.index)
    if (raft.role !== 'leader') return
    raft.progress[raft.id]!.matchIndex = raft.stableIndex
    raft.progressChanged = true
  }

  status(): RaftStatus {
    const { id, role, term, leader, commitIndex, appliedIndex, log, voters, learners } = this.#raft
    const { compactedIndex } = log
    return {
      id,
      role,
      term,
      leader,
      commitIndex,
      appliedIndex,
      lastIndex: lastIndex(log),
      compactedIndex,
      voters,
      learners,
    }
  }

  /** A copy of everything this member knows, for tests and for showing. */
  inspect(): RaftState {
    return structuredClone(this.#raft)
  }

  // Changes of role, one by one: `step` and `tick` make them; tests may too.

  becomeFollower(term: number, leader: MemberId | null): void {
    becomeFollower(this.#raft, term, leader)
  }

  becomeCandidate(): void {
    becomeCandidate(this.#raft)
  }

  becomeLeader(): void {
    becomeLeader(this.#raft)
  }
}

function dispatch(raft: RaftState, message: Message): void {
  if (message.type === 'VoteRequest') handleVoteRequest(raft, message)
  else if (message.type === 'VoteResponse') handleVoteResponse(raft, message)
  else if (message.type === 'PreVoteRequest') handlePreVoteRequest(raft, message)
  else if (message.type === 'PreVoteResponse') handlePreVoteResponse(raft, message)
  else if (message.type === 'AppendRequest') follow(raft, message)
  else if (message.type === 'InstallSnapshot') handleInstallSnapshot(raft, message)
  else if (message.type === 'TimeoutNow') handleTimeoutNow(raft)
  else if (message.type === 'ReadIndexResponse') handleReadIndexResponse(raft, message)
  else if (raft.role === 'leader') dispatchToLeader(raft, message)
}

function dispatchToLeader(raft: RaftState, message: AppendResponse | ProposeRequest | ReadIndexRequest): void {
  if (message.type === 'ProposeRequest') appendAsLeader(raft, message.commands)
  else if (message.type === 'ReadIndexRequest') beginRead(raft, message.context, message.from)
  else {
    if (message.readRound > 0) noteReadRound(raft, message.from, message.readRound)
    if (raft.pendingReads.length > 0) releaseReads(raft)
    handleAppendResponse(raft, message)
  }
}

/** A message from a leader of our own term: there can be only one, so it is the leader. */
function follow(raft: RaftState, request: AppendRequest): void {
  if (raft.role !== 'follower' || raft.leader !== request.from) becomeFollower(raft, request.term, request.from)
  raft.knowsCluster = true
  const accepted = handleAppendRequest(raft, request)
  if (!accepted || request.commitIndex <= raft.commitIndex) return
  const lastVouched = request.prevLogIndex + request.entries.length
  raft.commitIndex = followerCommitIndex(raft.commitIndex, request.commitIndex, lastVouched)
}

/** A message from the past. Those who would act on it as leader or candidate hear of the newer term. Raft §5.1. */
function refuseOldTerm(raft: RaftState, message: Message): void {
  if (message.type === 'VoteRequest') send(raft, { type: 'VoteResponse', to: message.from, granted: false })
  if (message.type !== 'AppendRequest') return
  const conflict = { index: 0, term: 0 }
  const answer = { type: 'AppendResponse', to: message.from, accepted: false, matchIndex: 0 } as const
  send(raft, { ...answer, rejectedIndex: message.prevLogIndex, conflict, readRound: 0 })
}

function tickHeartbeat(raft: RaftState): void {
  raft.heartbeatElapsed += 1
  if (raft.heartbeatElapsed < raft.timing.heartbeatTicks) return
  raft.heartbeatElapsed = 0
  raft.mustAnnounce = true
}

/** What a leader has to do before it can say what is ready. */
function lead(raft: RaftState): void {
  if (raft.progressChanged) advanceCommit(raft)
  beginEarlyReads(raft)
  if (raft.pendingReads.length > 0) releaseReads(raft)
  replicate(raft)
}

function leaderHasWork(raft: RaftState): boolean {
  return raft.mustAnnounce || raft.progressChanged || otherVoters(raft).some((id) => hasMoreFor(raft, id))
}

function hardStateOf(raft: RaftState): HardState {
  return { term: raft.term, votedFor: raft.votedFor, commitIndex: raft.commitIndex }
}

function hardStateChanged({ term, votedFor, commitIndex, persisted }: RaftState): boolean {
  return term !== persisted.term || votedFor !== persisted.votedFor || commitIndex !== persisted.commitIndex
}
