/**
 * Where a scenario plays: one simulated cluster, and verbs for what scenarios do again and again.
 *
 * Everything is on virtual time, so "within two seconds" means the cluster's own seconds, however busy the machine is. What does not come about in
 * time ends the scenario with a sentence.
 */
import type { MemberId } from '../../raft/messages.ts'
import type { SimulatorOptions } from './options.ts'
import { RaftSimulator } from './simulator.ts'

/** Several election timeouts: a cluster whose majority hears each other has a leader by then. */
export const ELECTION_LIMIT_MS = 3000
/** A leader that hears its followers decides something within this. */
const AGREEMENT_LIMIT_MS = 2000
const LOOK_EVERY_MS = 5

/** A scenario's expectation that was not met. Test runners print it as a failed assertion. */
export class Unmet extends Error {
  override readonly name = 'AssertionError'
}

export class Stage {
  readonly seed: number
  readonly cluster: RaftSimulator
  #away = new Set<MemberId>()

  constructor(options: SimulatorOptions) {
    this.seed = options.seed
    this.cluster = new RaftSimulator(options)
  }

  get ids(): readonly MemberId[] {
    return this.cluster.ids
  }

  /** Those who can hear each other, and are up. */
  get present(): readonly MemberId[] {
    return this.ids.filter((id) => !this.#away.has(id) && this.cluster.isUp(id))
  }

  check(holds: boolean, sentence: string): void {
    if (!holds) throw new Unmet(sentence)
  }

  /** Fails unless both print the same. */
  same(actual: unknown, expected: unknown, what: string): void {
    const [did, should] = [JSON.stringify(actual), JSON.stringify(expected)]
    this.check(did === should, `${what}: expected ${should}, got ${did}`)
  }

  /** Lets time pass until `holds`; false if it does not within `limitMs`. */
  waitFor(holds: () => boolean, limitMs: number): boolean {
    const untilMs = this.cluster.nowMs + limitMs
    while (!holds()) {
      if (this.cluster.nowMs >= untilMs) return false
      this.cluster.run(LOOK_EVERY_MS)
    }
    return true
  }

  // Who hears whom.

  disconnect(...ids: readonly MemberId[]): void {
    for (const id of ids) this.#away.add(id)
    this.#regroup()
  }

  reconnect(...ids: readonly MemberId[]): void {
    for (const id of ids) this.#away.delete(id)
    this.#regroup()
  }

  isAway(id: MemberId): boolean {
    return this.#away.has(id)
  }

  #regroup(): void {
    if (this.#away.size === 0) this.cluster.heal()
    else this.cluster.partition(this.ids.filter((id) => !this.#away.has(id)))
  }

  others(...ids: readonly MemberId[]): MemberId[] {
    return this.ids.filter((id) => !ids.includes(id))
  }

  // Leaders.

  /** The leader that the present members follow; waits for it. */
  leader(): MemberId {
    const found = this.waitFor(() => this.#followedLeader() !== undefined, ELECTION_LIMIT_MS)
    this.check(found, `no leader among ${this.present.join(', ')} within ${ELECTION_LIMIT_MS} ms of virtual time`)
    return this.#followedLeader()!
  }

  #followedLeader(): MemberId | undefined {
    const statuses = this.present.map((id) => this.cluster.status(id)!)
    const leaders = statuses.filter(({ role }) => role === 'leader').sort((a, b) => b.term - a.term)
    const [newest] = leaders
    const followers = statuses.filter(({ leader, term }) => newest && leader === newest.id && term === newest.term)
    return newest && followers.length * 2 > this.cluster.judge.voters.length ? newest.id : undefined
  }

  /** Lets `ms` pass, in which none of the present members may lead. */
  noLeaderFor(ms: number): void {
    const untilMs = this.cluster.nowMs + ms
    while (this.cluster.nowMs < untilMs) {
      this.cluster.run(LOOK_EVERY_MS)
      const leading = this.present.find((id) => this.cluster.status(id)?.role === 'leader')
      this.check(leading === undefined, `${leading} leads although only ${this.present.join(', ')} hear each other`)
    }
  }

  // Agreement.

  /** Who has applied a command. */
  appliedBy(command: string): MemberId[] {
    return this.ids.filter((id) => this.cluster.applied(id).includes(command))
  }

  /**
   * Has a command decided and applied by at least `count` members, and returns how much virtual time that took. Asks whoever leads, and asks
   * again when a leader is lost on the way.
   */
  agree(command: string, count = this.ids.length, limitMs = 10_000): number {
    const begunMs = this.cluster.nowMs
    const done = () => this.appliedBy(command).length >= count
    while (this.cluster.nowMs - begunMs < limitMs) {
      const leader = this.present.find((id) => this.cluster.status(id)?.role === 'leader')
      if (!leader || !this.cluster.propose(leader, command)) this.cluster.run(LOOK_EVERY_MS)
      else if (this.waitFor(done, AGREEMENT_LIMIT_MS)) return this.cluster.nowMs - begunMs
    }
    const by = this.appliedBy(command)
    throw new Unmet(
      `"${command}" was to be applied by ${count} members within ${limitMs} ms of virtual time; ${by.length} did${by.length > 0 ? ` (${by.join(', ')})` : ''}`,
    )
  }

  /** Lets `ms` pass, after which nobody may have applied the command. */
  noAgreement(command: string, ms: number): void {
    this.cluster.run(ms)
    const by = this.appliedBy(command)
    this.check(by.length === 0, `${by.join(', ')} applied "${command}" although no majority could have it`)
  }

  /** Asks one member, which must take it. */
  propose(id: MemberId, ...commands: readonly string[]): void {
    for (const command of commands) {
      this.check(this.cluster.propose(id, command), `${id} did not take "${command}"`)
    }
  }

  // Crashes.

  crash(...ids: readonly MemberId[]): void {
    for (const id of ids) this.cluster.crash(id)
  }

  restart(...ids: readonly MemberId[]): void {
    for (const id of ids) this.cluster.restart(id)
  }

  /** All is well again: everybody is up, hears everybody, and nothing gets lost. */
  calm(): void {
    this.cluster.faults = {}
    this.#away = new Set()
    this.cluster.heal()
    for (const id of this.ids) this.cluster.restart(id)
  }

  /** Everybody comes to stand where everybody else stands. */
  allEqual(): void {
    const applied = () => this.ids.map((id) => this.cluster.applied(id))
    this.waitFor(() => new Set(applied().map(({ length }) => length)).size === 1, AGREEMENT_LIMIT_MS)
    const [first, ...rest] = applied()
    for (const [place, commands] of rest.entries()) {
      const names = `${this.ids[0]} and ${this.ids[place + 1]}`
      const differs = first!.findIndex((command, index) => commands[index] !== command)
      this.check(
        differs === -1,
        `${names} applied ${first![differs]} and ${commands[differs]} as command ${differs + 1}`,
      )
      this.same([first!.length, commands.length], [first!.length, first!.length], `how many commands ${names} applied`)
    }
  }
}

/** What a scenario may ask for when it sets its stage. */
export type StageOptions = Omit<SimulatorOptions, 'create' | 'seed'>
