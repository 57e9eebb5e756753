/**
 * The properties that a judge holds a simulated cluster to, in words.
 */

/** Thrown when a property is broken; the message says what happened, the rule and its source. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
  readonly rule: string
  /** What happened, without the rule. */
  readonly deed: string

  constructor(rule: string, deed: string) {
    super(`${deed}\n  Broken: ${rule}`)
    this.rule = rule
    this.deed = deed
  }
}

export const RULES = {
  electionSafety: 'Election Safety: at most one leader in a term (Raft §5.2)',
  oneVote: 'A member votes for at most one candidate in a term (Raft §5.2)',
  leaderAppendOnly: 'Leader Append-Only: a leader never overwrites or deletes entries of its log (Raft §5.3)',
  logMatching: 'Log Matching: entries with the same index and term are equal, and so is all before them (Raft §5.3)',
  leaderCompleteness: 'Leader Completeness: a committed entry is in the log of every later leader (Raft §5.4)',
  stateMachineSafety: 'State Machine Safety: no two members apply different entries at the same index (Raft §5.4.3)',
  durability:
    'Committed is durable: a majority has the entry on disk before anyone applies it, and keeps it (Raft §5.3)',
  monotonicTerm: 'A term never goes back (Raft §5.1)',
  monotonicCommit: 'What is committed stays committed: a commit index never goes back (Raft §5.3)',
  applyInOrder: 'Entries are applied one after the other, without gaps, each once (Raft §5.3)',
  neverUnapply: 'What is applied stays applied: a snapshot never takes a member back (Raft §7)',
  noGaps: 'A log has no gaps: every entry follows the one before it (Raft §5.3)',
  diskIsLog: 'What a member believes to be on its disk is there (Raft figure 2, "Persistent state")',
  sameState: 'Same commands, same state: on every member, from the log, a snapshot or after a restart (Raft §7, §8)',
  configuration:
    "A change of members is in force from when its entry is applied, and not before (Ongaro's thesis §4.1)",
  linearizableReads: "A read sees everything that was decided before it was asked for (Raft §8; Ongaro's thesis §6.4)",
  watchSeesAll: 'A watch reports every change, once and in order (etcd, API guarantees)',
  neverThrows: 'A member takes every message of its peers without an error',
} as const
