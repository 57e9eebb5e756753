/**
 * A Raft member as a pure state machine: ticks, messages and proposals in, `Ready` out.
 *
 * The driver loop, which owns clock, disk and sockets, repeats: take `ready()`, persist, send, apply, `advance()`. Nothing that is
 * not on disk is ever spoken of, because messages wait in the outbox until the `Ready` that also holds what they rest on.
 *
 * Here are its inputs. `dispatch.ts` takes messages, `ready.ts` says what is to be done; elections, replication, commitment, reads and the rest
 * have a file each.
 * Source: etcd-io/raft `doc.go`; Raft figure 2, "Rules for Servers".
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type {
  MemberId,
  MembershipChange,
  Message,
  RaftCore,
  RaftStatus,
  Ready,
  SnapshotMetadata,
} from '#kit/raft/messages.ts'
import { hasLostQuorum } from './check-quorum.ts'
import { receive } from './dispatch.ts'
import { becomeCandidate, becomeFollower, becomeLeader, campaign, tickElection } from './election.ts'
import { beginLeaseRound, takeRead } from './lease-reads.ts'
import { lastIndex } from './log.ts'
import { hasCaughtUp, mayChangeMembers, proposeChange } from './membership.ts'
import { tickProgress } from './progress.ts'
import { hasWork, noteDone, takeReady } from './ready.ts'
import { appendAsLeader } from './replication.ts'
import { compactLog, describeSnapshot } from './snapshot.ts'
import { otherMembers, type RaftState, send } from './state.ts'
import { likelySuccessor, tickTransfer, transferLeadership } from './transfer.ts'

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
    receive(this.#raft, message)
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
    return hasWork(this.#raft)
  }

  ready(): Ready {
    return takeReady(this.#raft)
  }

  advance(ready: Ready): void {
    noteDone(this.#raft, ready)
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
