/**
 * What Raft members say to each other and to their surroundings: plain data, so that a message can cross a socket, a
 * simulator or a process boundary unchanged.
 *
 * Source: Ongaro & Ousterhout, "In Search of an Understandable Consensus Algorithm (extended version)", figure 2; the
 * Ready/advance seam is etcd-io/raft's.
 */
import type { ByteString } from '../etcd-api/byte-string.ts'

/** Unique in the cluster; opaque to Raft. */
export type MemberId = string

/** Terms and indexes count from 1; 0 stands for "before everything". */
export interface Entry {
  readonly term: number
  readonly index: number
  /** The command, which Raft never looks into. Empty: the no-op with which a leader begins its term. */
  readonly data: ByteString
  /** Set when this entry changes who is a member. Then `data` is the surroundings' part of it, such as the new member's address. */
  readonly change?: MembershipChange
}

/** One change at a time, one member each. It takes effect when its entry is applied. Ongaro's thesis §4.1. */
export interface MembershipChange {
  /** AddVoter also promotes a learner. */
  readonly kind: 'AddVoter' | 'AddLearner' | 'Remove'
  readonly member: MemberId
}

/** What a snapshot of the state machine stands for; its content is no concern of Raft's. Raft §7. */
export interface SnapshotMetadata {
  /** The last entry that it covers, and that entry's term. */
  readonly index: number
  readonly term: number
  /** The members as of that entry. */
  readonly voters: readonly MemberId[]
  readonly learners: readonly MemberId[]
}

/** What must be on disk before any message that rests on it leaves. Raft figure 2, "Persistent state". */
export interface HardState {
  readonly term: number
  /** Whom this member voted for in `term`. */
  readonly votedFor: MemberId | null
  /** Not needed for safety; it lets a restarted member apply what it knows to be committed at once. */
  readonly commitIndex: number
}

interface Envelope {
  readonly from: MemberId
  readonly to: MemberId
  /** The sender's term. */
  readonly term: number
}

/** "Vote for me." Raft §5.2. */
export interface VoteRequest extends Envelope {
  readonly type: 'VoteRequest'
  readonly lastLogIndex: number
  readonly lastLogTerm: number
  /** The leader itself wants us elected: its being alive is no reason to refuse. Ongaro's thesis §3.10. */
  readonly leadershipTransfer: boolean
}

export interface VoteResponse extends Envelope {
  readonly type: 'VoteResponse'
  readonly granted: boolean
}

/** "Would you vote for me in the term after mine?" Nobody's term rises by asking. Ongaro's thesis §9.6. */
export interface PreVoteRequest extends Envelope {
  readonly type: 'PreVoteRequest'
  readonly lastLogIndex: number
  readonly lastLogTerm: number
}

export interface PreVoteResponse extends Envelope {
  readonly type: 'PreVoteResponse'
  readonly granted: boolean
}

/** The leader hands its office to the receiver, which stands for election at once. Ongaro's thesis §3.10. */
export interface TimeoutNow extends Envelope {
  readonly type: 'TimeoutNow'
}

/**
 * The receiver lacks entries that the leader no longer holds: it is to take this snapshot instead. The content travels beside the message;
 * whoever delivers the message has stored it already. The answer is an AppendResponse that matches to `snapshot.index`. Raft §7.
 */
export interface InstallSnapshot extends Envelope {
  readonly type: 'InstallSnapshot'
  readonly snapshot: SnapshotMetadata
}

/** Entries to append, or, without entries, a heartbeat. Raft §5.3. */
export interface AppendRequest extends Envelope {
  readonly type: 'AppendRequest'
  /** The entry just before `entries`, which the follower must already have. */
  readonly prevLogIndex: number
  readonly prevLogTerm: number
  readonly entries: readonly Entry[]
  /** The leader's. */
  readonly commitIndex: number
  /** The leader's newest round of reads; the answer says it back. Raft §6.4 of Ongaro's thesis. */
  readonly readRound: number
}

export interface AppendResponse extends Envelope {
  readonly type: 'AppendResponse'
  readonly accepted: boolean
  /** When accepted: up to here the follower's log is the same as the leader's. */
  readonly matchIndex: number
  /** When refused: the `prevLogIndex` that did not match, and where to look instead. */
  readonly rejectedIndex: number
  readonly conflict: Conflict
  readonly readRound: number
}

/** Where a follower's log differs, so that the leader can skip a whole term at a time. Raft §5.3, last paragraphs. */
export interface Conflict {
  /** The first index of `term` in the follower's log; when the log is too short, one past its end. */
  readonly index: number
  /** The term of the follower's entry at the refused index; 0 when it has none. */
  readonly term: number
}

/** A follower passes a client's commands on to its leader. */
export interface ProposeRequest extends Envelope {
  readonly type: 'ProposeRequest'
  readonly commands: readonly ByteString[]
}

/** A follower asks its leader from which index on a read is fresh. */
export interface ReadIndexRequest extends Envelope {
  readonly type: 'ReadIndexRequest'
  readonly context: string
}

export interface ReadIndexResponse extends Envelope {
  readonly type: 'ReadIndexResponse'
  readonly context: string
  readonly index: number
}

export type Message =
  | VoteRequest
  | VoteResponse
  | PreVoteRequest
  | PreVoteResponse
  | AppendRequest
  | AppendResponse
  | InstallSnapshot
  | TimeoutNow
  | ProposeRequest
  | ReadIndexRequest
  | ReadIndexResponse

/** A read that may be answered as soon as everything up to `index` is applied. */
export interface ReadState {
  /** The caller's own mark, given to `readIndex`. */
  readonly context: string
  readonly index: number
}

/**
 * What a member wants done, in this order: persist `hardState`, `snapshot` and `entries`, send `messages`, replace the state machine by
 * `snapshot`, apply `committedEntries`, serve `reads`; then tell it with `advance`.
 */
export interface Ready {
  /** Left out when unchanged. */
  readonly hardState?: HardState
  /** A snapshot that came from the leader: it replaces the state machine, and the whole log up to its index. */
  readonly snapshot?: SnapshotMetadata
  readonly entries: readonly Entry[]
  readonly messages: readonly Message[]
  readonly committedEntries: readonly Entry[]
  readonly reads: readonly ReadState[]
}

/** A learner is a follower that has no vote yet. */
export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/** What others may know of a member. */
export interface RaftStatus {
  readonly id: MemberId
  readonly role: Role
  readonly term: number
  readonly leader: MemberId | null
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  /** The last entry that the log no longer holds; 0 while it holds all. */
  readonly compactedIndex: number
  readonly voters: readonly MemberId[]
  readonly learners: readonly MemberId[]
}

/** A member's pure core, as its surroundings see it: inputs are calls, the output is `ready`. */
export interface RaftCore {
  /** One unit of time has passed. */
  tick(): void
  step(message: Message): void
  /** Asks for a command to be agreed on. False when there is no leader to hand it to, or we lead and are handing over: try again later. */
  propose(command: ByteString): boolean
  /**
   * Asks for a change of the members; only a leader can. False when it is none, has not yet committed an entry of its term, or an earlier
   * change is not applied yet. Ongaro's thesis §4.1; its correction of 2015.
   */
  proposeChange(change: MembershipChange, data: ByteString): boolean
  /** Hands leadership over; only a leader can. False when it is none, or `to` is no other voter. Ongaro's thesis §3.10. */
  transferLeadership(to: MemberId): boolean
  /** What a snapshot of the state machine, as it is applied now, would stand for. */
  snapshotMetadata(): SnapshotMetadata
  /** A snapshot is on disk: entries up to `compactIndex`, which is at most `snapshot.index`, are not needed any more. */
  compact(snapshot: SnapshotMetadata, compactIndex: number): void
  /** Asks for an index from which on a read is fresh. False when there is no leader to ask. */
  readIndex(context: string): boolean
  hasReady(): boolean
  ready(): Ready
  /** Everything in `ready` has been done. */
  advance(ready: Ready): void
  status(): RaftStatus
}
