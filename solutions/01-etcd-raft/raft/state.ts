/**
 * Everything one Raft member knows, as plain data.
 *
 * The functions in this folder each change a part of it; nothing else does. There is no clock in it (time is counted in
 * ticks), no socket (messages go to `outbox`) and no disk (`ready` says what to persist), so a run can be replayed exactly.
 * Source: Raft figure 2, "State".
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { HardState, MemberId, Message, ReadState, Role, SnapshotMetadata } from '#kit/raft/messages.ts'
import type { RaftLog } from './log.ts'
import type { Progress } from './progress.ts'

/** A read that waits for a majority to confirm that we still lead. */
export interface PendingRead {
  readonly context: string
  /** Who asked: this member, or a follower on behalf of its clients. */
  readonly from: MemberId
  /** The commit index when the read arrived. */
  readonly index: number
  readonly round: number
}

export interface RaftState {
  readonly id: MemberId
  readonly timing: RaftTiming
  readonly features: RaftFeatures
  /** Entries of one message are about this large together, except that one entry is always sent. */
  readonly messageBytes: number
  /** All members who may vote. */
  voters: readonly MemberId[]
  /** Members who receive the log and have no vote yet. */
  learners: readonly MemberId[]

  // On disk before anyone hears of it.
  term: number
  votedFor: MemberId | null
  log: RaftLog
  /** The newest snapshot on disk; null when there is none. */
  snapshot: SnapshotMetadata | null

  // Derived, and learnt anew after a restart.
  role: Role
  leader: MemberId | null
  commitIndex: number
  /** The last entry that is applied, and its term; or the snapshot that the state machine was replaced by. */
  appliedIndex: number
  appliedTerm: number
  /** The last entry known to be on this member's disk. */
  stableIndex: number
  /** The hard state known to be on this member's disk. */
  persisted: HardState

  /** Candidates and pre-candidates: answers so far, our own vote included. */
  votes: Record<MemberId, boolean>
  /** Leaders: the progress of everyone who gets the log, our own included. */
  progress: Record<MemberId, Progress>

  /** Came from the leader and already replaces our log; it is yet to be noted on disk and to replace the state machine. */
  receivedSnapshot: SnapshotMetadata | null

  /** Leaders: ticks since taking office. */
  officeTicks: number
  /** Leaders: the tick of office at which each voter last answered; one that has not yet is left out. */
  heardAt: Record<MemberId, number>
  /** Leaders with lease reads: when the rounds that heartbeats began were sent, in ticks of office; oldest first. */
  leaseRounds: { readonly round: number; readonly sentAt: number }[]

  /** Leaders: to whom leadership is being handed over, and the ticks since that began. */
  transferee: MemberId | null
  transferElapsed: number
  /** Leaders: a TimeoutNow of this term was sent, and may arrive at any later time. */
  hasOfferedOffice: boolean
  /** Commands that others passed on to us, while it is not clear who leads. */
  deferredCommands: ByteString[]
  /** Leaders: the newest change of members in the log; until it is applied, there may be no other. */
  pendingChangeIndex: number

  /** Ticks since we last heard from a leader, granted a vote or began a campaign. */
  electionElapsed: number
  /** How many such ticks until we campaign. Drawn anew each time, so that members rarely campaign together. */
  electionTimeout: number
  heartbeatElapsed: number
  /** Whether this member has followed or been a leader since it started. */
  knowsCluster: boolean
  /** With lease reads: for so many ticks after a restart this member stays out of elections. */
  abstainTicks: number

  /** Leaders: everyone is owed a message, even if it carries no entries. */
  mustAnnounce: boolean
  /** Leaders: some `matchIndex` has moved since commitment was last considered. */
  progressChanged: boolean

  // Linearizable reads.
  readRound: number
  pendingReads: PendingRead[]
  /** Reads that came before this term's first commit. */
  earlyReads: { readonly context: string; readonly from: MemberId }[]
  /** Reads that may be served. */
  confirmedReads: ReadState[]

  outbox: Message[]
  /** Where the next election timeout comes from; see `drawElectionTimeout`. */
  randomState: number
}

export interface RaftTiming {
  /** Ticks between a leader's heartbeats. */
  readonly heartbeatTicks: number
  /** A follower campaigns after this many to twice as many ticks of silence. */
  readonly electionTicks: number
  /** The same for a member that has not heard of any leader since it started: there is likely none. */
  readonly firstElectionTicks: number
}

/** What goes beyond the paper's core; each may be off. */
export interface RaftFeatures {
  /** Ask before raising the term. Ongaro's thesis §9.6. */
  readonly preVote: boolean
  /** A leader that hears from no majority steps down, and whoever hears from a leader votes for nobody. Ongaro's thesis §6.2, §4.2.3. */
  readonly checkQuorum: boolean
  /** Answer reads by the clock instead of a round of messages: wrong when clocks run at different speeds. Needs `checkQuorum`. §6.4.1. */
  readonly leaseReads: boolean
}

/** Between the configured ticks and twice as many, from the member's own seeded numbers (mulberry32). Raft §5.2. */
export function drawElectionTimeout(raft: RaftState): number {
  const ticks = raft.knowsCluster ? raft.timing.electionTicks : raft.timing.firstElectionTicks
  raft.randomState = (raft.randomState + 0x6d2b79f5) >>> 0
  let mixed = raft.randomState
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ticks + (((mixed ^ (mixed >>> 14)) >>> 0) % ticks)
}

/** A message before it is known who sends it and in which term. */
export type Draft = Message extends infer One ? (One extends Message ? Omit<One, 'from' | 'term'> : never) : never

/** Puts a message into the outbox, signed with our id and term. It leaves only after what it rests on is on disk. */
export function send(raft: RaftState, draft: Draft): void {
  // The draft comes last: V8 makes such a copy ten times as fast as one to which fields are added.
  raft.outbox.push({ from: raft.id, term: raft.term, ...draft } as Message)
}

export function otherVoters(raft: RaftState): MemberId[] {
  return raft.voters.filter((id) => id !== raft.id)
}

/** Everyone who gets the log: who may vote, and who learns. */
export function everyMember(raft: RaftState): MemberId[] {
  return [...raft.voters, ...raft.learners]
}

export function otherMembers(raft: RaftState): MemberId[] {
  return everyMember(raft).filter((id) => id !== raft.id)
}
