/**
 * Raft's five safety properties, judged after every event of a simulation.
 *
 * The judge sees what nobody in the cluster sees: all disks at once. It keeps a history of its own, so each check is cheap enough to
 * be made thousands of times a second.
 * Source: Raft figure 3.
 */
import type { Entry, MemberId, RaftStatus } from '../raft/messages.ts'

/** Thrown when a property is broken; the message says what happened, the rule and its source. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
  readonly rule: string

  constructor(rule: string, whatHappened: string) {
    super(`${whatHappened}\n  Broken: ${rule}`)
    this.rule = rule
  }
}

export const RULES = {
  electionSafety: 'Election Safety: at most one leader in a term (Raft §5.2)',
  leaderAppendOnly: 'Leader Append-Only: a leader never overwrites or deletes entries of its log (Raft §5.3)',
  logMatching: 'Log Matching: entries with the same index and term are equal, and so is all before them (Raft §5.3)',
  leaderCompleteness: 'Leader Completeness: a committed entry is in the log of every later leader (Raft §5.4)',
  stateMachineSafety: 'State Machine Safety: no two members apply different entries at the same index (Raft §5.4.3)',
  durability: 'Committed is durable: a majority has the entry on disk before anyone applies it (Raft §5.3)',
  monotonicTerm: 'A term never goes back (Raft §5.1)',
} as const

/** A log as the disk holds it: `disk[i].index === i + 1`. */
export type DiskLog = readonly Entry[]

export class RaftJudge {
  readonly #voters: number
  readonly #leaders = new Map<number, MemberId>()
  readonly #terms = new Map<MemberId, number>()
  /** Every entry that was ever on a disk, by index and term, with the term of the entry before. */
  readonly #seen = new Map<string, { data: string; previousTerm: number }>()
  /** `#committed[i]` has index i + 1. */
  readonly #committed: Entry[] = []

  constructor(voters: number) {
    this.#voters = voters
  }

  get committed(): readonly Entry[] {
    return this.#committed
  }

  /** After a member took an input. `disk` is its own. */
  observe(status: RaftStatus, disk: DiskLog): void {
    const { id, term, role } = status
    const before = this.#terms.get(id) ?? 0
    if (term < before)
      throw new InvariantViolation(RULES.monotonicTerm, `${id} went from term ${before} back to ${term}.`)
    this.#terms.set(id, term)
    if (role === 'leader') this.#observeLeader(id, term, disk)
  }

  /** A member starts again from its disk. A term that never got there, and so was never spoken of, does not bind it. */
  restarted(id: MemberId, termOnDisk: number): void {
    this.#terms.set(id, termOnDisk)
  }

  #observeLeader(id: MemberId, term: number, disk: DiskLog): void {
    const known = this.#leaders.get(term)
    if (known === id) return
    if (known !== undefined) {
      throw new InvariantViolation(RULES.electionSafety, `${known} and ${id} both lead term ${term}.`)
    }
    this.#leaders.set(term, id)
    const missing = this.#committed.find((entry) => disk[entry.index - 1]?.term !== entry.term)
    if (!missing) return
    throw new InvariantViolation(
      RULES.leaderCompleteness,
      `${id} became leader of term ${term}, but its log has ${describeEntry(disk[missing.index - 1])} at index ${missing.index}, where ${describeEntry(missing)} is committed.`,
    )
  }

  /** Before a member's disk takes entries. */
  persist(status: RaftStatus, disk: DiskLog, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const held = disk[entry.index - 1]
      if (held && held.term !== entry.term && status.role === 'leader' && entry.term !== status.term) {
        throw new InvariantViolation(RULES.leaderAppendOnly, `Leader ${status.id} overwrites index ${entry.index}.`)
      }
      const previous =
        entry.index === entries[0]!.index ? disk[entry.index - 2] : entries[entry.index - entries[0]!.index - 1]
      this.#match(status.id, entry, previous?.term ?? 0)
    }
  }

  #match(id: MemberId, entry: Entry, previousTerm: number): void {
    const key = `${entry.index}/${entry.term}`
    const known = this.#seen.get(key)
    if (!known) {
      this.#seen.set(key, { data: entry.data, previousTerm })
      return
    }
    if (known.data === entry.data && known.previousTerm === previousTerm) return
    throw new InvariantViolation(
      RULES.logMatching,
      `${id} stores ${describeEntry(entry)} at index ${entry.index} after an entry of term ${previousTerm}; elsewhere the entry of index ${entry.index} and term ${entry.term} is "${known.data}" after term ${known.previousTerm}.`,
    )
  }

  /** When a member applies an entry. `disks` are all members' disks, running or not. */
  apply(id: MemberId, entry: Entry, disks: readonly DiskLog[]): void {
    const known = this.#committed[entry.index - 1]
    if (known) {
      if (known.term === entry.term && known.data === entry.data) return
      throw new InvariantViolation(
        RULES.stateMachineSafety,
        `${id} applies ${describeEntry(entry)} at index ${entry.index}, where ${describeEntry(known)} was applied before.`,
      )
    }
    const holders = disks.filter((disk) => disk[entry.index - 1]?.term === entry.term).length
    if (holders * 2 <= this.#voters) {
      throw new InvariantViolation(
        RULES.durability,
        `${id} applies ${describeEntry(entry)} at index ${entry.index}, which only ${holders} of ${this.#voters} members have on disk.`,
      )
    }
    this.#committed[entry.index - 1] = entry
  }
}

function describeEntry(entry: Entry | undefined): string {
  return entry ? `"${entry.data}" of term ${entry.term}` : 'nothing'
}
