/**
 * A whole Raft cluster in one process, on virtual time, with a network, disks and clocks that fail as the seed says.
 *
 * Messages get lost, late, doubled and out of order; roads are cut, one way or both; disks are slow; members crash between any two steps of
 * handling a `Ready`, lose what was not on disk, and come back; members are added, removed and fall so far behind that they need a snapshot.
 * After every event the judge checks Raft's safety properties. The same seed gives the same run, to the last event.
 *
 * Here is what a test can do to such a cluster, and what it can see. What a member does is in `member.ts`, how time passes in `world.ts`.
 */
import type { Entry, HardState, MemberId, MembershipChange, RaftCore } from '../../raft/messages.ts'
import type { RaftTrace } from '../raft-trace.ts'
import type { Random } from '../random.ts'
import type { RaftJudge } from './invariants.ts'
import type { ServedRead, SimulatedMember } from './member.ts'
import { CALM, type Faults, type SimulatorOptions } from './options.ts'
import type { CommandList, SimulatedMachine } from './state-machine.ts'
import { SimulatedWorld } from './world.ts'

/** In the order in which they come. */
const NAMES = 'abcdefghijklmnopqrstuvwxyz'

export class RaftSimulator {
  readonly #initialVoters: readonly MemberId[]
  readonly #world: SimulatedWorld

  constructor(options: SimulatorOptions) {
    this.#initialVoters = NAMES.slice(0, options.members).split('')
    this.#world = new SimulatedWorld(options, this.#initialVoters)
    for (const id of this.#initialVoters) this.#world.addMember(id, this.#initialVoters)
  }

  /** Where this run's chances come from; tests draw from it too. */
  get random(): Random {
    return this.#world.random
  }

  get judge(): RaftJudge {
    return this.#world.judge
  }

  /** All members that were ever started, in order. */
  get ids(): readonly MemberId[] {
    return [...this.#world.members.keys()]
  }

  get faults(): Faults {
    return this.#world.faults
  }

  /** What is not named goes well. */
  set faults(faults: Partial<Faults>) {
    this.#world.faults = { ...CALM, ...faults }
  }

  /** Messages sent so far, copies that the network made not counted. */
  get messageCount(): number {
    return this.#world.messageCount
  }

  /** Bytes of commands that appends have carried so far. */
  get bytesSent(): number {
    return this.#world.bytesSent
  }

  /** Appends that followers have refused so far. */
  get refusalCount(): number {
    return this.#world.refusalCount
  }

  // Time.

  get nowMs(): number {
    return this.#world.nowMs
  }

  run(ms: number): void {
    this.#world.run(ms)
  }

  /**
   * Lets time pass until `condition` holds; false if it did not within `limitMs`. It is looked at after every event, before the member
   * concerned has persisted or sent anything.
   */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    return this.#world.runUntil(condition, limitMs)
  }

  // What happens to members and to the network.

  crash(id: MemberId): void {
    this.#world.watched(() => this.#member(id).crash())
  }

  restart(id: MemberId): void {
    this.#world.watched(() => this.#member(id).start())
  }

  /**
   * Starts one more member, and returns its name. It knows who the first voters were; who they are now it learns from the log. Until the
   * others are told of it with `proposeChange`, it only waits.
   */
  join(voters: readonly MemberId[] = this.#initialVoters): MemberId {
    const id = NAMES[this.#world.members.size]!
    this.#world.watched(() => this.#world.addMember(id, voters))
    return id
  }

  /** Stops a member that was removed from the cluster, for good. */
  retire(id: MemberId): void {
    this.crash(id)
    this.#member(id).isRetired = true
  }

  isRetired(id: MemberId): boolean {
    return this.#member(id).isRetired
  }

  /** Only members of the same group hear each other; whoever is in no group hears nobody. */
  partition(...groups: readonly (readonly MemberId[])[]): void {
    this.#world.note({ kind: 'partition', groups })
    this.#world.network.partition(groups)
  }

  /** What `from` sends to `to` no longer arrives; the other way stays open. */
  cut(from: MemberId, to: MemberId): void {
    this.#world.note({ kind: 'ask', member: from, what: `can no longer reach ${to}, but still hears it` })
    this.#world.network.cut(from, to)
  }

  heal(): void {
    this.#world.note({ kind: 'heal' })
    this.#world.network.heal()
  }

  /** 1: as time passes; 0.5: half as fast. */
  setClockSpeed(id: MemberId, speed: number): void {
    this.#world.note({ kind: 'ask', member: id, what: `has a clock that runs at ${speed} times its speed` })
    this.#member(id).clockSpeed = speed
  }

  // What a client or an operator asks of a member. False when it cannot, or is down.

  propose(id: MemberId, command: string): boolean {
    return this.#ask(id, `is asked for ${command}`, (core) => core.propose(command))
  }

  read(id: MemberId, context: string): boolean {
    this.judge.asked(id, context)
    return this.#ask(id, `is asked to read (${context})`, (core) => core.readIndex(context))
  }

  proposeChange(id: MemberId, change: MembershipChange): boolean {
    const what = `is asked to change the members: ${change.kind} ${change.member}`
    return this.#ask(id, what, (core) => core.proposeChange(change, ''))
  }

  transferLeadership(id: MemberId, to: MemberId): boolean {
    return this.#ask(id, `is asked to hand leadership to ${to}`, (core) => core.transferLeadership(to))
  }

  // What there is to see.

  isUp(id: MemberId): boolean {
    return this.#member(id).core !== undefined
  }

  /** The leader of the newest term among running members. */
  leader(): MemberId | undefined {
    const leaders = this.ids.flatMap((id) => this.status(id) ?? []).filter((status) => status.role === 'leader')
    return leaders.sort((a, b) => b.term - a.term)[0]?.id
  }

  status(id: MemberId) {
    return this.#member(id).core?.status()
  }

  machine(id: MemberId): SimulatedMachine {
    return this.#member(id).machine
  }

  /** The commands that a member's state machine stands for, without leaders' no-ops; only with the machine that is a list of them. */
  applied(id: MemberId): readonly string[] {
    const { machine, core } = this.#member(id)
    return core ? (machine as CommandList).commands : []
  }

  appliedIndex(id: MemberId): number {
    return this.#member(id).appliedIndex
  }

  /** Reads that a member was allowed to serve since it started, each with what had been applied by then. */
  reads(id: MemberId): readonly ServedRead[] {
    return this.#member(id).reads
  }

  /** The log on a member's disk, as `term:command` with commands joined by spaces. */
  disk(id: MemberId): string {
    return this.#member(id)
      .disk.entries.map(({ term, data }) => `${term}:${data}`)
      .join(' ')
  }

  /** What of a member's log is gone, since its snapshot covers it. */
  compactedIndex(id: MemberId): number {
    return this.#member(id).disk.compactedIndex
  }

  /** Puts a log on a member's disk, before a restart. */
  setDisk(id: MemberId, hardState: HardState, entries: readonly Entry[]): void {
    this.#member(id).disk.reset(hardState, entries)
    const { term, votedFor } = hardState
    this.#world.note({ kind: 'persist', member: id, term, votedFor, from: 1, entries })
  }

  /** The last things that happened, a line each. */
  lastEvents(count: number): string[] {
    return this.#world.recorder.lastLines(count)
  }

  /** Something that a test expected did not come about: the trace ends there. */
  fail(rule: string, message: string): void {
    this.#world.recorder.fail(rule, message)
  }

  trace(title: string, replay: string): RaftTrace {
    return this.#world.recorder.trace({ title, replay, seed: this.random.seed, members: this.ids })
  }

  #ask(id: MemberId, what: string, give: (core: RaftCore) => boolean): boolean {
    const member = this.#member(id)
    if (!member.core) return false
    this.#world.note({ kind: 'ask', member: id, what })
    let answer = false
    this.#world.watched(() => {
      answer = member.input(give) ?? false
    })
    return answer
  }

  #member(id: MemberId): SimulatedMember {
    const member = this.#world.members.get(id)
    if (!member) throw new RangeError(`there is no member ${id}`)
    return member
  }
}
