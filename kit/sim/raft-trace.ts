/**
 * What happened in a simulated cluster, as plain data: enough to draw it, and to look into every member at any event.
 *
 * A trace is a list of events in the order in which they happened. What a member knows is told when it changes (`state`), and its disk as
 * the change that was made (`persist`), so that a page can rebuild both at any event by reading from the beginning.
 */
import type { Entry, MemberId, Message, RaftStatus, SnapshotMetadata } from '../raft/messages.ts'

export interface RaftTrace {
  /** What was tried, as a sentence. */
  readonly title: string
  readonly seed: number
  /** The command that makes the same run again. */
  readonly replay: string
  /** Every member that was ever there, in the order in which they are drawn. */
  readonly members: readonly MemberId[]
  readonly events: readonly TraceEvent[]
  /** Set when a property was broken. */
  readonly failure?: TraceFailure
}

export interface TraceFailure {
  /** The place in `events` of what broke it. */
  readonly event: number
  /** Such as "Election Safety: at most one leader in a term (Raft §5.2)". */
  readonly rule: string
  /** A plain sentence: who did what. */
  readonly message: string
}

export type TraceEvent = { readonly atMs: number } & (
  | { readonly kind: 'start' | 'crash'; readonly member: MemberId }
  /** After an input changed what a member knows. */
  | { readonly kind: 'state'; readonly member: MemberId; readonly status: RaftStatus }
  /** The member's disk: everything from `from` on is replaced by `entries`; with a snapshot, everything up to it is gone. */
  | {
      readonly kind: 'persist'
      readonly member: MemberId
      readonly term: number
      readonly votedFor: MemberId | null
      readonly from?: number
      readonly entries: readonly Entry[]
      readonly snapshot?: SnapshotMetadata
    }
  | { readonly kind: 'apply'; readonly member: MemberId; readonly entry: Entry }
  /** `id` joins the fates of one message: it is sent once, and arrives, is lost, or both when it was doubled. */
  | { readonly kind: 'send'; readonly id: number; readonly message: Message }
  | { readonly kind: 'arrive'; readonly id: number }
  | { readonly kind: 'lost'; readonly id: number; readonly why: 'network' | 'partition' | 'receiver is down' }
  | { readonly kind: 'partition'; readonly groups: readonly (readonly MemberId[])[] }
  | { readonly kind: 'heal' }
  /** Something a client or an operator asked of a member: "is asked for x", "is asked to read". */
  | { readonly kind: 'ask'; readonly member: MemberId; readonly what: string }
)
