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
}

export interface VoteResponse extends Envelope {
  readonly type: 'VoteResponse'
  readonly granted: boolean
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
  | AppendRequest
  | AppendResponse
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
 * What a member wants done, in this order: persist `hardState` and `entries`, send `messages`, apply
 * `committedEntries`, serve `reads`; then tell it with `advance`.
 */
export interface Ready {
  /** Left out when unchanged. */
  readonly hardState?: HardState
  readonly entries: readonly Entry[]
  readonly messages: readonly Message[]
  readonly committedEntries: readonly Entry[]
  readonly reads: readonly ReadState[]
}

export type Role = 'follower' | 'candidate' | 'leader'

/** What others may know of a member. */
export interface RaftStatus {
  readonly id: MemberId
  readonly role: Role
  readonly term: number
  readonly leader: MemberId | null
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
}

/** A member's pure core, as its surroundings see it: inputs are calls, the output is `ready`. */
export interface RaftCore {
  /** One unit of time has passed. */
  tick(): void
  step(message: Message): void
  /** Asks for a command to be agreed on. False when there is no leader to hand it to. */
  propose(command: ByteString): boolean
  /** Asks for an index from which on a read is fresh. False when there is no leader to ask. */
  readIndex(context: string): boolean
  hasReady(): boolean
  ready(): Ready
  /** Everything in `ready` has been done. */
  advance(ready: Ready): void
  status(): RaftStatus
}
