/**
 * Raft's safety properties, judged after every event of a simulation.
 *
 * The judge sees what nobody in the cluster sees: all disks at once. It keeps a history of its own, so each check is cheap enough to
 * be made thousands of times a second. Here are terms, votes and reads; `stored-entries.ts` judges the logs, `decisions.ts` what is decided and
 * applied.
 * Source: Raft figure 3, §6 to §8; Ongaro's thesis §4.
 */
import type { Entry, HardState, MemberId, RaftStatus, SnapshotMetadata } from '../../raft/messages.ts'
import { Decisions } from './decisions.ts'
import type { DiskView } from './disk.ts'
import { InvariantViolation, RULES } from './rules.ts'
import { StoredEntries } from './stored-entries.ts'

/** A read that was asked for: everything decided by then must be seen by whoever serves it. */
interface AskedRead {
  readonly member: MemberId
  readonly decided: number
}

export class RaftJudge {
  readonly #decisions: Decisions
  readonly #stored: StoredEntries
  /** The newest vote that each member gave. */
  readonly #votes = new Map<MemberId, Pick<HardState, 'term' | 'votedFor'>>()
  readonly #leaders = new Map<number, MemberId>()
  /** What each member said when it was last looked at. */
  readonly #last = new Map<MemberId, RaftStatus>()
  readonly #reads = new Map<string, AskedRead>()

  constructor(voters: readonly MemberId[]) {
    this.#decisions = new Decisions(voters)
    this.#stored = new StoredEntries(this.#decisions)
  }

  /** Everything that any member has applied so far. */
  get committed(): readonly Entry[] {
    return this.#decisions.committed
  }

  /** Who has a vote, by the changes that were applied anywhere. */
  get voters(): readonly MemberId[] {
    return this.#decisions.voters
  }

  get learners(): readonly MemberId[] {
    return this.#decisions.learners
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
    if (last?.appliedIndex !== status.appliedIndex) this.#decisions.checkConfiguration(status)
    if (role !== 'leader') return
    if (last?.role === 'leader' && last.term === term && status.lastIndex < last.lastIndex) {
      const shrank = `Leader ${id} of term ${term} had ${last.lastIndex} entries and now has ${status.lastIndex}.`
      throw new InvariantViolation(RULES.leaderAppendOnly, shrank)
    }
    this.#observeLeader(id, term, disk)
  }

  #observeLeader(id: MemberId, term: number, disk: DiskView): void {
    const known = this.#leaders.get(term)
    if (known === id) return
    if (known !== undefined) {
      throw new InvariantViolation(RULES.electionSafety, `${known} and ${id} both lead term ${term}.`)
    }
    this.#leaders.set(term, id)
    this.#stored.checkLeader(id, term, disk)
  }

  /** A member starts again from its disk. A term that never got there, and so was never spoken of, does not bind it. */
  restarted(id: MemberId, appliedIndex: number): void {
    this.#last.delete(id)
    this.#decisions.restarted(id, appliedIndex)
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
    this.#stored.persist(status, disk, entries)
  }

  /** When a member applies an entry; then, when it has, `applied`. `disks` are those of all members, running or not. */
  apply(id: MemberId, entry: Entry, disks: ReadonlyMap<MemberId, DiskView>): void {
    this.#decisions.apply(id, entry, disks)
  }

  /** The state machine of `id` has applied everything up to `index`, in whatever way. */
  applied(id: MemberId, index: number, fingerprint: number | undefined): void {
    this.#decisions.applied(id, index, fingerprint)
  }

  /** Before a member's state machine is replaced by a snapshot from the leader. */
  install(id: MemberId, snapshot: SnapshotMetadata): void {
    this.#decisions.install(id, snapshot)
  }

  /** Somebody asks `member` to read. */
  asked(member: MemberId, context: string): void {
    if (!this.#reads.has(context)) this.#reads.set(context, { member, decided: this.committed.length })
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
}
