/**
 * Every entry that was ever on a disk: logs must match wherever they meet, and nothing that was decided may go.
 *
 * Source: Raft §5.3, §5.4, figure 3.
 */
import type { Entry, MemberId, RaftStatus } from '../../raft/messages.ts'
import { describeEntry } from './describe-log.ts'
import type { DiskView } from './disk.ts'
import { InvariantViolation, RULES } from './rules.ts'

interface SeenEntry {
  readonly data: string
  readonly previousTerm: number
}

export class StoredEntries {
  readonly #decided: { readonly committed: readonly Entry[] }
  /** By index and term, with the term of the entry before. */
  readonly #seen = new Map<number, Map<number, SeenEntry>>()

  constructor(decided: { readonly committed: readonly Entry[] }) {
    this.#decided = decided
  }

  /** Before a member's disk takes entries. */
  persist(status: RaftStatus, disk: DiskView, entries: readonly Entry[]): void {
    const first = entries[0]?.index
    if (first === undefined) return
    let previousTerm = disk.termAt(first - 1)
    if (previousTerm === undefined) {
      throw new InvariantViolation(
        RULES.noGaps,
        `${status.id} stores an entry of index ${first}, but its log ends at ${disk.lastIndex}.`,
      )
    }
    for (const entry of entries) {
      const held = disk.termAt(entry.index)
      if (held !== undefined && held !== entry.term && status.role === 'leader' && entry.term !== status.term) {
        throw new InvariantViolation(RULES.leaderAppendOnly, `Leader ${status.id} overwrites index ${entry.index}.`)
      }
      this.#match(status.id, entry, previousTerm)
      previousTerm = entry.term
    }
    this.#checkNothingCommittedGoes(status.id, disk, entries)
  }

  #match(id: MemberId, entry: Entry, previousTerm: number): void {
    const byTerm: Map<number, SeenEntry> = this.#seen.get(entry.index) ?? new Map()
    this.#seen.set(entry.index, byTerm)
    const known = byTerm.get(entry.term)
    if (!known) {
      byTerm.set(entry.term, { data: entry.data, previousTerm })
      return
    }
    if (known.data === entry.data && known.previousTerm === previousTerm) return
    throw new InvariantViolation(
      RULES.logMatching,
      `${id} stores ${describeEntry(entry)} at index ${entry.index} after an entry of term ${previousTerm}; elsewhere the entry of index ${entry.index} and term ${entry.term} is "${known.data}" after term ${known.previousTerm}.`,
    )
  }

  /** What is written replaces everything from its first index on. */
  #checkNothingCommittedGoes(id: MemberId, disk: DiskView, entries: readonly Entry[]): void {
    const { committed: decided } = this.#decided
    const first = entries[0]!.index
    const last = Math.min(disk.lastIndex, decided.length)
    for (let index = first; index <= last; index++) {
      const committed = decided[index - 1]!
      if (disk.termAt(index) !== committed.term || entries[index - first]?.term === committed.term) continue
      throw new InvariantViolation(
        RULES.durability,
        `${id} had ${describeEntry(committed)} at index ${index}, which is committed, and no longer has it: it wrote entries ${first} to ${entries.at(-1)!.index} in place of ${first} to ${disk.lastIndex}.`,
      )
    }
  }

  /** When a member takes office. */
  checkLeader(id: MemberId, term: number, disk: DiskView): void {
    const { committed: decided } = this.#decided
    for (let index = decided.length; index >= Math.max(1, disk.compactedIndex); index--) {
      const committed = decided[index - 1]!
      if (disk.termAt(index) === committed.term) continue
      throw new InvariantViolation(
        RULES.leaderCompleteness,
        `${id} became leader of term ${term}, but its log has ${this.#describe(disk, index)} at index ${index}, where ${describeEntry(committed)} is committed.`,
      )
    }
  }

  #describe(disk: DiskView, index: number): string {
    const term = disk.termAt(index)
    return term === undefined ? 'nothing' : `"${this.#seen.get(index)?.get(term)?.data ?? ''}" of term ${term}`
  }
}
