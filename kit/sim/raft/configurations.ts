/**
 * Who the members were as of each index: the judge's own account, from the changes that were applied.
 *
 * Source: Ongaro's thesis §4.1.
 */
import type { MemberId, MembershipChange } from '../../raft/messages.ts'

export class Configuration {
  /** In force from this index on. */
  readonly index: number
  readonly voters: readonly MemberId[]
  readonly learners: readonly MemberId[]

  constructor(index: number, voters: readonly MemberId[], learners: readonly MemberId[]) {
    this.index = index
    this.voters = voters
    this.learners = learners
  }

  isOf(voters: readonly MemberId[], learners: readonly MemberId[]): boolean {
    return sameMembers(this.voters, voters) && sameMembers(this.learners, learners)
  }

  after(index: number, { kind, member }: MembershipChange): Configuration {
    const without = (ids: readonly MemberId[]) => ids.filter((id) => id !== member)
    const voters = kind === 'AddVoter' ? [...without(this.voters), member] : without(this.voters)
    // A voter stays one: it cannot be added as a learner.
    if (kind === 'AddLearner' && this.voters.includes(member))
      return new Configuration(index, this.voters, this.learners)
    const learners = kind === 'AddLearner' ? [...without(this.learners), member] : without(this.learners)
    return new Configuration(index, voters, learners)
  }
}

export class Configurations {
  /** Oldest first. */
  readonly #all: Configuration[]

  constructor(voters: readonly MemberId[]) {
    this.#all = [new Configuration(0, voters, [])]
  }

  get newest(): Configuration {
    return this.#all.at(-1)!
  }

  /** The newest, and the one before it if there is one. */
  lastTwo(): readonly Configuration[] {
    return this.#all.slice(-2).reverse()
  }

  asOf(index: number): Configuration {
    for (let place = this.#all.length - 1; place > 0; place--) {
      if (this.#all[place]!.index <= index) return this.#all[place]!
    }
    return this.#all[0]!
  }

  apply(index: number, change: MembershipChange): void {
    this.#all.push(this.newest.after(index, change))
  }
}

function sameMembers(some: readonly MemberId[], others: readonly MemberId[]): boolean {
  return some.length === others.length && some.every((id) => others.includes(id))
}
