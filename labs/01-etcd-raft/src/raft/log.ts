/**
 * A member's log: entries 1, 2, 3, …, of which old ones may later be replaced by a snapshot.
 *
 * Log Matching (Raft §5.3): if two logs hold an entry with the same index and term, they are the same up to there.
 * Everything in this file serves that one property. The functions only look; `replication.ts` decides what to change.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Conflict, Entry } from '#kit/raft/messages.ts'

export interface RaftLog {
  /** The last entry that is no longer held, since a snapshot covers it; 0 and 0 when nothing was dropped. */
  readonly compactedIndex: number
  readonly compactedTerm: number
  /** `entries[i].index === compactedIndex + 1 + i`, without gaps. */
  entries: Entry[]
}

/** A log that begins after `compactedIndex`. */
export function emptyLog(compactedIndex = 0, compactedTerm = 0): RaftLog {
  return { compactedIndex, compactedTerm, entries: [] }
}

export function lastIndex(log: RaftLog): number {
  return log.compactedIndex + log.entries.length
}

export function lastTerm(log: RaftLog): number {
  return log.entries.at(-1)?.term ?? log.compactedTerm
}

/** The term of the entry at `index`; 0 for index 0; undefined where the log holds no such entry. */
export function termAt(log: RaftLog, index: number): number | undefined {
  if (index === log.compactedIndex) return log.compactedTerm
  return log.entries[index - log.compactedIndex - 1]?.term
}

/** The entry at `index`, which the log must hold. */
export function entryAt(log: RaftLog, index: number): Entry {
  return log.entries[index - log.compactedIndex - 1]!
}

/** Entries from `from` to `to`, both included, as far as the log holds them. */
export function entriesBetween(log: RaftLog, from: number, to: number): Entry[] {
  return log.entries.slice(Math.max(0, from - log.compactedIndex - 1), Math.max(0, to - log.compactedIndex))
}

/** Drops everything from `index` on, and appends. */
export function replaceFrom(log: RaftLog, index: number, entries: readonly Entry[]): void {
  log.entries.length = index - log.compactedIndex - 1
  for (const entry of entries) log.entries.push(entry)
}

/**
 * Whether the log holds an entry with this index and term: the consistency check that every append must pass.
 * Index 0 with term 0, the place before the first entry, is in every log. Raft §5.3.
 *
 * @lab 1.2 Check that the log has the entry before the new ones
 */
export function holdsEntry(log: RaftLog, index: number, term: number): boolean {
  throw new NotImplemented(
    '1.2',
    'holdsEntry',
    'Check that the log has the entry before the new ones',
    'labs/01-etcd-raft/src/raft/log.ts',
  )
}

/**
 * The index of the first of `entries` that the log lacks or holds with another term; 0 when it has them all.
 *
 * Entries that are already there must stay untouched, and so must whatever follows them: the message may be an old one
 * that was delayed, and what follows may be acknowledged already. Raft figure 2, AppendEntries, rules 3 and 4.
 *
 * @lab 1.2 Find the first entry that is missing or different
 */
export function findConflict(log: RaftLog, entries: readonly Entry[]): number {
  throw new NotImplemented(
    '1.2',
    'findConflict',
    'Find the first entry that is missing or different',
    'labs/01-etcd-raft/src/raft/log.ts',
  )
}

/**
 * What a follower tells a leader whose `prevLogIndex` did not match: the term found there and the first index of that
 * term, so that the leader can skip the whole term; or, when the log ends before, one past its end (and term 0).
 *
 * @lab 1.2 Tell the leader where to look instead
 */
export function describeConflict(log: RaftLog, prevLogIndex: number): Conflict {
  throw new NotImplemented(
    '1.2',
    'describeConflict',
    'Tell the leader where to look instead',
    'labs/01-etcd-raft/src/raft/log.ts',
  )
}

/**
 * The leader's next guess after a refusal: just after its own last entry of the follower's conflicting term, if it has
 * any of that term, else the first index of that term (or the end of the follower's log). Raft §5.3.
 *
 * @lab 1.2 Skip back over a whole term
 */
export function nextIndexAfterConflict(log: RaftLog, conflict: Conflict): number {
  throw new NotImplemented(
    '1.2',
    'nextIndexAfterConflict',
    'Skip back over a whole term',
    'labs/01-etcd-raft/src/raft/log.ts',
  )
}
