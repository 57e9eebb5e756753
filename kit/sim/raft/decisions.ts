/**
 * What was decided, and what each state machine makes of it, as a judge sees it who sees all disks.
 *
 * An entry counts as decided when the first member applies it. Then it must be safe: on the disks of a majority, and such that nobody without it could
 * win an election. Which voters make a majority follows from the changes of members that were decided before.
 * Source: Raft §5.3, §5.4, figures 3 and 8; Ongaro's thesis §4.
 */
import type { Entry, MemberId, RaftStatus, SnapshotMetadata } from '../../raft/messages.ts'
import { Configurations } from './configurations.ts'
import { describeEntry, listOf } from './describe-log.ts'
import type { DiskView } from './disk.ts'
import { InvariantViolation, RULES } from './rules.ts'

export class Decisions {
  readonly #configurations: Configurations
  /** `#committed[i]` has index i + 1. */
  readonly #committed: Entry[] = []
  /** `#fingerprints[i]`: the state machine's after index i + 1. */
  readonly #fingerprints: number[] = []
  /** The last index that each member's state machine stands at. */
  readonly #applied = new Map<MemberId, number>()

  constructor(voters: readonly MemberId[]) {
    this.#configurations = new Configurations(voters)
  }

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

  restarted(id: MemberId, appliedIndex: number): void {
    this.#applied.set(id, appliedIndex)
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
        `${describeEntry(entry)} is applied as index ${entry.index}; but ${candidate}, which lacks it, has a log that ${listOf(electors)} would vote for.`,
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
        `${id} installs a snapshot that ends at index ${index} of term ${term} with voters ${listOf(voters)}; there, ${describeEntry(committed)} was decided, with voters ${listOf(this.#configurations.asOf(index).voters)}.`,
      )
    }
    this.#applied.set(id, index)
  }

  /** Whom a member takes for the members must follow from what it has applied. */
  checkConfiguration({ id, appliedIndex, voters, learners }: RaftStatus): void {
    const configuration = this.#configurations.asOf(appliedIndex)
    if (appliedIndex === 0 || configuration.isOf(voters, learners)) return
    throw new InvariantViolation(
      RULES.configuration,
      `${id} has applied up to ${appliedIndex}, and goes by voters ${listOf(voters)} and learners ${listOf(learners)}; as of there they are ${listOf(configuration.voters)} and ${listOf(configuration.learners)}.`,
    )
  }
}

/** Raft §5.4.1, on what is on disk. */
function isUpToDate(candidate: DiskView | undefined, voter: DiskView | undefined): boolean {
  if (!candidate || !voter) return false
  const [own, others] = [candidate.termAt(candidate.lastIndex)!, voter.termAt(voter.lastIndex)!]
  return own === others ? candidate.lastIndex >= voter.lastIndex : own > others
}
