/**
 * Raft's safety properties, judged after every event of a simulation.
 *
 * The judge sees what nobody in the cluster sees: all disks at once. It keeps a history of its own, so each check is cheap enough to
 * be made thousands of times a second. Which voters make a majority follows from the changes of members that were applied.
 * Source: Raft figure 3, §6 to §8; Ongaro's thesis §4.
 */
import type { Entry, HardState, MemberId, RaftStatus, SnapshotMetadata } from '../../raft/messages.ts'
import { Configurations } from './configurations.ts'
import type { DiskView } from './disk.ts'
import { InvariantViolation, RULES } from './rules.ts'

interface SeenEntry {
  readonly data: string
  readonly previousTerm: number
}

/** A read that was asked for: everything decided by then must be seen by whoever serves it. */
interface AskedRead {
  readonly member: MemberId
  readonly decided: number
}

export class RaftJudge {
  readonly #configurations: Configurations
  /** The newest vote that each member gave. */
  readonly #votes = new Map<MemberId, Pick<HardState, 'term' | 'votedFor'>>()
  readonly #leaders = new Map<number, MemberId>()
  /** What each member said when it was last looked at. */
  readonly #last = new Map<MemberId, RaftStatus>()
  /** The last index that each member's state machine stands at. */
  readonly #applied = new Map<MemberId, number>()
  /** Every entry that was ever on a disk, by index and term, with the term of the entry before. */
  readonly #seen = new Map<number, Map<number, SeenEntry>>()
  /** `#committed[i]` has index i + 1. */
  readonly #committed: Entry[] = []
  /** `#fingerprints[i]`: the state machine's after index i + 1. */
  readonly #fingerprints: number[] = []
  readonly #reads = new Map<string, AskedRead>()

  constructor(voters: readonly MemberId[]) {
    this.#configurations = new Configurations(voters)
  }

  /** Everything that any member has applied so far. */
  get committed(): readonly Entry[] {
    return this.#committed
  }

  /** Who has a vote, by the changes that were applied anywhere. */
  get voters(): readonly MemberId[] {
    return this.#configurations.newest.voters
  }

  get learners(): readonly MemberId[] {
    return this.#configurations.newest.learners
  }

  /** After a member took an input. `disk` is its own. */
  observe(status: RaftStatus, disk: DiskView): void {
    const { id, term, role } = status
    const last = this.#last.get(id)
    this.#last.set(id, status)
    if (last && term < last.term) {
      throw new InvariantViolation(RULES.monotonicTerm, `${id} went from term ${last.term} back to ${term}.`)
    }
    if (last && status.commitIndex < last.commitIndex) {
      const went = `${id}'s commit index went from ${last.commitIndex} back to ${status.commitIndex}.`
      throw new InvariantViolation(RULES.monotonicCommit, went)
    }
    if (last?.appliedIndex !== status.appliedIndex) this.#checkConfiguration(status)
    if (role !== 'leader') return
    if (last?.role === 'leader' && last.term === term && status.lastIndex < last.lastIndex) {
      const shrank = `Leader ${id} of term ${term} had ${last.lastIndex} entries and now has ${status.lastIndex}.`
      throw new InvariantViolation(RULES.leaderAppendOnly, shrank)
    }
    this.#observeLeader(id, term, disk)
  }

  #checkConfiguration({ id, appliedIndex, voters, learners }: RaftStatus): void {
    const configuration = this.#configurations.asOf(appliedIndex)
    if (appliedIndex === 0 || configuration.isOf(voters, learners)) return
    throw new InvariantViolation(
      RULES.configuration,
      `${id} has applied up to ${appliedIndex}, and goes by voters ${list(voters)} and learners ${list(learners)}; as of there they are ${list(configuration.voters)} and ${list(configuration.learners)}.`,
    )
  }

  /** A member starts again from its disk. A term that never got there, and so was never spoken of, does not bind it. */
  restarted(id: MemberId, appliedIndex: number): void {
    this.#last.delete(id)
    this.#applied.set(id, appliedIndex)
  }

  #observeLeader(id: MemberId, term: number, disk: DiskView): void {
    const known = this.#leaders.get(term)
    if (known === id) return
    if (known !== undefined) {
      throw new InvariantViolation(RULES.electionSafety, `${known} and ${id} both lead term ${term}.`)
    }
    this.#leaders.set(term, id)
    for (let index = this.#committed.length; index >= Math.max(1, disk.compactedIndex); index--) {
      const committed = this.#committed[index - 1]!
      if (disk.termAt(index) === committed.term) continue
      throw new InvariantViolation(
        RULES.leaderCompleteness,
        `${id} became leader of term ${term}, but its log has ${this.#describe(disk, index)} at index ${index}, where ${describeEntry(committed)} is committed.`,
      )
    }
  }

  /** When a vote is on a member's disk. A crash does not free it. */
  voted(id: MemberId, { term, votedFor }: HardState): void {
    const last = this.#votes.get(id)
    if (votedFor === null) return
    if (last?.term === term && last.votedFor !== votedFor) {
      const twice = `${id} has voted for ${last.votedFor} in term ${term}, and now votes for ${votedFor}.`
      throw new InvariantViolation(RULES.oneVote, twice)
    }
    this.#votes.set(id, { term, votedFor })
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
    const first = entries[0]!.index
    const last = Math.min(disk.lastIndex, this.#committed.length)
    for (let index = first; index <= last; index++) {
      const committed = this.#committed[index - 1]!
      if (disk.termAt(index) !== committed.term || entries[index - first]?.term === committed.term) continue
      throw new InvariantViolation(
        RULES.durability,
        `${id} had ${describeEntry(committed)} at index ${index}, which is committed, and no longer has it: it wrote entries ${first} to ${entries.at(-1)!.index} in place of ${first} to ${disk.lastIndex}.`,
      )
    }
  }

  /** When a member applies an entry; then, when it has, `applied`. `disks` are those of all members, running or not. */
  apply(id: MemberId, entry: Entry, disks: ReadonlyMap<MemberId, DiskView>): void {
    const expected = (this.#applied.get(id) ?? 0) + 1
    if (entry.index !== expected) {
      throw new InvariantViolation(
        RULES.applyInOrder,
        `${id} applies index ${entry.index}; it had applied up to ${expected - 1}.`,
      )
    }
    this.#applied.set(id, entry.index)
    const known = this.#committed[entry.index - 1]
    if (!known) this.#commit(id, entry, disks)
    else if (known.term !== entry.term || known.data !== entry.data) {
      throw new InvariantViolation(
        RULES.stateMachineSafety,
        `${id} applies ${describeEntry(entry)} at index ${entry.index}, where ${describeEntry(known)} was applied before.`,
      )
    }
  }

  #commit(id: MemberId, entry: Entry, disks: ReadonlyMap<MemberId, DiskView>): void {
    const holds = (member: MemberId) => {
      const disk = disks.get(member)
      return disk !== undefined && (disk.compactedIndex >= entry.index || disk.termAt(entry.index) === entry.term)
    }
    // The leader counts by what it has applied itself, so a change just before this entry may not be in force there yet.
    const inForce = this.#configurations.lastTwo()
    const deciding = inForce.find(({ voters }) => voters.filter(holds).length * 2 > voters.length)
    if (!deciding) {
      const { voters } = inForce[0]!
      throw new InvariantViolation(
        RULES.durability,
        `${id} applies ${describeEntry(entry)} at index ${entry.index}, which only ${voters.filter(holds).length} of ${voters.length} members have on disk.`,
      )
    }
    this.#checkNobodyWithoutItCanWin(entry, deciding.voters, disks, holds)
    this.#committed[entry.index - 1] = entry
    if (entry.change) this.#configurations.apply(entry.index, entry.change)
  }

  /** On a majority is not enough: whoever lacks the entry must find no majority that would vote for it. Figure 8. */
  #checkNobodyWithoutItCanWin(
    entry: Entry,
    voters: readonly MemberId[],
    disks: ReadonlyMap<MemberId, DiskView>,
    holds: (member: MemberId) => boolean,
  ): void {
    for (const candidate of voters) {
      if (holds(candidate)) continue
      const electors = voters.filter((voter) => isUpToDate(disks.get(candidate), disks.get(voter)))
      if (electors.length * 2 <= voters.length) continue
      throw new InvariantViolation(
        RULES.leaderCompleteness,
        `${describeEntry(entry)} is applied as index ${entry.index}; but ${candidate}, which lacks it, has a log that ${list(electors)} would vote for.`,
      )
    }
  }

  /** The state machine of `id` has applied everything up to `index`, in whatever way. */
  applied(id: MemberId, index: number, fingerprint: number | undefined): void {
    if (fingerprint === undefined) return
    const known = this.#fingerprints[index - 1]
    if (known === undefined) this.#fingerprints[index - 1] = fingerprint
    else if (known !== fingerprint) {
      throw new InvariantViolation(
        RULES.sameState,
        `${id} has applied everything up to index ${index}, and its state differs from that of others there.`,
      )
    }
  }

  /** Before a member's state machine is replaced by a snapshot from the leader. */
  install(id: MemberId, { index, term, voters, learners }: SnapshotMetadata): void {
    const before = this.#applied.get(id) ?? 0
    if (index < before) {
      throw new InvariantViolation(
        RULES.neverUnapply,
        `${id} has applied up to ${before}, and installs a snapshot that ends at ${index}.`,
      )
    }
    const committed = this.#committed[index - 1]
    if (committed?.term !== term || !this.#configurations.asOf(index).isOf(voters, learners)) {
      throw new InvariantViolation(
        RULES.stateMachineSafety,
        `${id} installs a snapshot that ends at index ${index} of term ${term} with voters ${list(voters)}; there, ${describeEntry(committed)} was decided, with voters ${list(this.#configurations.asOf(index).voters)}.`,
      )
    }
    this.#applied.set(id, index)
  }

  /** Somebody asks `member` to read. */
  asked(member: MemberId, context: string): void {
    if (!this.#reads.has(context)) this.#reads.set(context, { member, decided: this.#committed.length })
  }

  /** `member` serves a read from its state as of `appliedIndex`. */
  served(member: MemberId, context: string, appliedIndex: number): void {
    const asked = this.#reads.get(context)
    if (!asked || appliedIndex >= asked.decided) return
    throw new InvariantViolation(
      RULES.linearizableReads,
      `${member} serves the read (${context}) from its state of index ${appliedIndex}; ${asked.decided} was decided before the read was asked for.`,
    )
  }

  #describe(disk: DiskView, index: number): string {
    const term = disk.termAt(index)
    return term === undefined ? 'nothing' : `"${this.#seen.get(index)?.get(term)?.data ?? ''}" of term ${term}`
  }
}

/** Raft §5.4.1, on what is on disk. */
function isUpToDate(candidate: DiskView | undefined, voter: DiskView | undefined): boolean {
  if (!candidate || !voter) return false
  const [own, others] = [candidate.termAt(candidate.lastIndex)!, voter.termAt(voter.lastIndex)!]
  return own === others ? candidate.lastIndex >= voter.lastIndex : own > others
}

function describeEntry(entry: Entry | undefined): string {
  return entry ? `"${entry.data}" of term ${entry.term}` : 'nothing'
}

function list(members: readonly MemberId[]): string {
  return members.length === 0 ? '(none)' : [...members].sort().join(', ')
}
