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
  Entry,
  HardState,
  InstallSnapshot,
  MemberId,
  MembershipChange,
  Message,
  RaftCore,
  RaftStatus,
  ReadIndexRequest,
  ReadState,
  Ready,
  SnapshotMetadata,
} from '#kit/raft/messages.ts'
import { hasLostQuorum, isDisturbance, noteAnswer } from './check-quorum.ts'
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
import { canRelease, release, takeForwarded } from './forwarding.ts'
import { abstains, beginLeaseRound, takeRead } from './lease-reads.ts'
import { entriesBetween, lastIndex, termAt } from './log.ts'
import { applyChanges, canStand, hasCaughtUp, mayChangeMembers, proposeChange } from './membership.ts'
import { handlePreVoteRequest, handlePreVoteResponse } from './pre-vote.ts'
import { tickProgress } from './progress.ts'
import { beginEarlyReads, handleReadIndexResponse, noteReadRound, releaseReads } from './read-index.ts'
import { appendAsLeader, handleAppendRequest, handleAppendResponse, hasMoreFor, replicate } from './replication.ts'
import { compactLog, describeSnapshot, handleInstallSnapshot, withoutCovered } from './snapshot.ts'
import { otherMembers, type RaftState, send } from './state.ts'
import { continueTransfer, handleTimeoutNow, likelySuccessor, tickTransfer, transferLeadership } from './transfer.ts'

export class Raft implements RaftCore {
  readonly #raft: RaftState

  constructor(state: RaftState) {
    this.#raft = state
  }

  tick(): void {
    const raft = this.#raft
    if (raft.role === 'leader') tickOffice(raft)
    else if (raft.abstainTicks === 0) tickElection(raft)
    raft.abstainTicks = Math.max(0, raft.abstainTicks - 1)
  }

  /** Begins an election now, without waiting for the timeout. */
  campaign(): void {
    campaign(this.#raft)
  }

  step(message: Message): void {
    const raft = this.#raft
    if (isToBeIgnored(raft, message)) return
    if (message.term > raft.term) {
      becomeFollower(raft, message.term, comesFromLeader(message) ? message.from : null)
    }
    if (message.term < raft.term && message.type !== 'ProposeRequest') refuseOldTerm(raft, message)
    else dispatch(raft, message)
  }

  propose(command: ByteString): boolean {
    const raft = this.#raft
    if (raft.transferee !== null) return false
    if (raft.role === 'leader') appendAsLeader(raft, [command])
    else if (raft.leader === null) return false
    else send(raft, { type: 'ProposeRequest', to: raft.leader, commands: [command] })
    return true
  }

  readIndex(context: string): boolean {
    const raft = this.#raft
    if (raft.role === 'leader') takeRead(raft, context, raft.id)
    else if (raft.leader === null) return false
    else send(raft, { type: 'ReadIndexRequest', to: raft.leader, context })
    return true
  }

  proposeChange(change: MembershipChange, data: ByteString): boolean {
    return proposeChange(this.#raft, change, data)
  }

  /** Whether `proposeChange` would be heard now. */
  mayChangeMembers(): boolean {
    return mayChangeMembers(this.#raft)
  }

  /** Whether a leader would call a member's log nearly as long as its own. */
  hasCaughtUp(id: MemberId): boolean {
    return this.#raft.role === 'leader' && hasCaughtUp(this.#raft, id)
  }

  transferLeadership(to: MemberId): boolean {
    return transferLeadership(this.#raft, to)
  }

  /** To whom a leader that has to go would best hand over; null when there is nobody, or it does not lead. */
  likelySuccessor(): MemberId | null {
    return this.#raft.role === 'leader' ? likelySuccessor(this.#raft) : null
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
      canRelease(raft) ||
      (raft.role === 'leader' && leaderHasWork(raft))
    )
  }

  ready(): Ready {
    const raft = this.#raft
    if (canRelease(raft)) release(raft)
    if (raft.role === 'leader') lead(raft)
    const committedEntries = entriesToHandOut(raft)
    const { outbox, confirmedReads, receivedSnapshot, log } = raft
    raft.confirmedReads = []
    if (mayGoAhead(raft, committedEntries, confirmedReads)) {
      return { entries: [], messages: [], committedEntries, reads: confirmedReads }
    }
    raft.outbox = []
    return {
      entries: entriesBetween(log, raft.stableIndex + 1, lastIndex(log)),
      messages: outbox,
      committedEntries,
      reads: confirmedReads,
      ...(hardStateChanged(raft) && { hardState: hardStateOf(raft) }),
      ...(receivedSnapshot && { snapshot: receivedSnapshot }),
    }
  }

  advance(ready: Ready): void {
    const raft = this.#raft
    if (ready.hardState) raft.persisted = ready.hardState
    if (ready.snapshot) noteInstalled(raft, ready.snapshot)
    const lastApplied = ready.committedEntries.at(-1)
    if (lastApplied) {
      raft.appliedIndex = lastApplied.index
      raft.appliedTerm = lastApplied.term
      applyChanges(raft, ready.committedEntries)
    }
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

/** A snapshot from the leader is noted on disk and has replaced the state machine. */
function noteInstalled(raft: RaftState, snapshot: SnapshotMetadata): void {
  raft.snapshot = snapshot
  raft.appliedIndex = snapshot.index
  raft.appliedTerm = snapshot.term
  raft.stableIndex = Math.max(raft.stableIndex, snapshot.index)
  raft.voters = snapshot.voters
  raft.learners = snapshot.learners
  // A newer one may have come while this one was written.
  if (raft.receivedSnapshot === snapshot) raft.receivedSnapshot = null
}

function standAtOnce(raft: RaftState): void {
  if (canStand(raft)) handleTimeoutNow(raft)
}

/** What is committed and not applied. If that came to nothing, whoever drives us would ask for ever. */
function entriesToHandOut({ log, appliedIndex, commitIndex, receivedSnapshot }: RaftState): Entry[] {
  if (commitIndex <= appliedIndex) return []
  const entries = entriesToApply(log, appliedIndex, commitIndex)
  if (entries.length > 0 || receivedSnapshot) return entries
  throw new Error(
    `all up to ${commitIndex} is committed and only up to ${appliedIndex} applied, but there is nothing to apply; the log ends at ${lastIndex(log)}`,
  )
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

function tickOffice(raft: RaftState): void {
  raft.officeTicks += 1
  if (raft.transferee !== null) tickTransfer(raft)
  if (raft.features.checkQuorum && hasLostQuorum(raft)) becomeFollower(raft, raft.term, null)
  else tickHeartbeat(raft)
}

function tickHeartbeat(raft: RaftState): void {
  for (const id of otherMembers(raft)) tickProgress(raft.progress[id]!, raft.timing.electionTicks)
  raft.heartbeatElapsed += 1
  if (raft.heartbeatElapsed < raft.timing.heartbeatTicks) return
  raft.heartbeatElapsed = 0
  if (raft.features.leaseReads) beginLeaseRound(raft)
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
  return raft.mustAnnounce || raft.progressChanged || otherMembers(raft).some((id) => hasMoreFor(raft, id))
}

/**
 * Whether what is decided and on our disk may go out by itself, now: else it would wait until the disk has the new entries too, and whoever waits for the
 * one would wait for the other.
 */
function mayGoAhead(raft: RaftState, committed: readonly Entry[], reads: readonly ReadState[]): boolean {
  const { stableIndex, log, receivedSnapshot } = raft
  const hasNewEntries = stableIndex < lastIndex(log) && receivedSnapshot === null
  const isOnDisk = (committed.at(-1)?.index ?? 0) <= stableIndex
  return hasNewEntries && isOnDisk && committed.length + reads.length > 0
}

function hardStateOf(raft: RaftState): HardState {
  return { term: raft.term, votedFor: raft.votedFor, commitIndex: raft.commitIndex }
}

function hardStateChanged({ term, votedFor, commitIndex, persisted }: RaftState): boolean {
  return term !== persisted.term || votedFor !== persisted.votedFor || commitIndex !== persisted.commitIndex
}
