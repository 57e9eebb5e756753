/**
 * A whole Raft cluster in one process, on virtual time, with a network, disks and clocks that fail as the seed says.
 *
 * Messages get lost, late, doubled and out of order; roads are cut, one way or both; disks are slow; members crash between any two steps of
 * handling a `Ready`, lose what was not on disk, and come back; members are added, removed and fall so far behind that they need a snapshot.
 * After every event the judge checks Raft's safety properties. The same seed gives the same run, to the last event.
 *
 * Here are time, the network and what an operator or a client can do. What a member does is in `member.ts`.
 */

import { isNotImplemented } from '../../contracts/not-implemented.ts'
import type {
  Entry,
  HardState,
  MemberId,
  MembershipChange,
  Message,
  RaftCore,
  SnapshotMetadata,
} from '../../raft/messages.ts'
import type { RaftTrace } from '../raft-trace.ts'
import { createRandom, type Random } from '../random.ts'
import type { SimulatedDisk, StoredSnapshot } from './disk.ts'
import { EventQueue } from './event-queue.ts'
import { RaftJudge } from './invariants.ts'
import { type Compaction, type ServedRead, SimulatedMember, type World } from './member.ts'
import { CALM_NETWORK, copyMessage, drawFate, type NetworkFaults, SimulatedNetwork } from './network.ts'
import { type TraceDraft, TraceRecorder } from './recorder.ts'
import { InvariantViolation, RULES } from './rules.ts'
import { CommandList, type SimulatedMachine } from './state-machine.ts'

/** What a simulated member is started with: all it finds on its disk. */
export interface SimulatedStart {
  readonly id: MemberId
  readonly voters: readonly MemberId[]
  readonly timing: { readonly heartbeatTicks: number; readonly electionTicks: number }
  readonly features?: SimulatedFeatures
  readonly messageBytes?: number
  readonly seed: number
  readonly hardState?: HardState
  readonly snapshot?: SnapshotMetadata
  readonly entries?: readonly Entry[]
}

/** What goes beyond the paper's core; all off unless named. */
export interface SimulatedFeatures {
  readonly preVote?: boolean
  readonly checkQuorum?: boolean
  readonly leaseReads?: boolean
}

export interface SimulatorOptions {
  readonly members: number
  readonly seed: number
  readonly create: (start: SimulatedStart) => RaftCore
  readonly faults?: Partial<Faults>
  readonly features?: SimulatedFeatures
  /** How much a leader puts into one message; small ones show what happens between two. */
  readonly messageBytes?: number
  /** Without it, logs grow for ever. */
  readonly compaction?: Compaction
  /** What members apply commands to; a list of the commands unless given. */
  readonly machine?: () => SimulatedMachine
  /** How many of the last events to keep for a trace; all unless given. */
  readonly keepEvents?: number
}

export interface Faults extends NetworkFaults {
  /** Probability, per `Ready`, that the member crashes in the middle of it. */
  readonly crash: number
  /** A sync takes up to so many milliseconds, during which the member takes further messages. */
  readonly maxSyncMs: number
}

const CALM: Faults = { ...CALM_NETWORK, crash: 0, maxSyncMs: 0 }
export const TICK_MS = 10
const TIMING = { heartbeatTicks: 2, electionTicks: 10 }
/** In the order in which they come. */
const NAMES = 'abcdefghijklmnopqrstuvwxyz'

export class RaftSimulator {
  readonly random: Random
  readonly judge: RaftJudge
  nowMs = 0
  readonly #options: SimulatorOptions
  readonly #members = new Map<MemberId, SimulatedMember>()
  readonly #disks = new Map<MemberId, SimulatedDisk>()
  readonly #initialVoters: readonly MemberId[]
  readonly #queue = new EventQueue()
  readonly #network = new SimulatedNetwork()
  readonly #recorder: TraceRecorder
  readonly #world: World
  #faults: Faults
  #messageCount = 0
  #bytesSent = 0
  #refusalCount = 0
  #stopWhen: (() => boolean) | undefined
  #stopped = false

  constructor(options: SimulatorOptions) {
    this.#options = options
    this.#initialVoters = NAMES.slice(0, options.members).split('')
    this.random = createRandom(options.seed)
    this.judge = new RaftJudge(this.#initialVoters)
    this.#recorder = new TraceRecorder(options.keepEvents ?? Number.POSITIVE_INFINITY)
    this.#faults = { ...CALM, ...options.faults }
    this.#world = this.#createWorld()
    for (const id of this.#initialVoters) this.#addMember(id)
  }

  /** All members that were ever started, in order. */
  get ids(): readonly MemberId[] {
    return [...this.#members.keys()]
  }

  get faults(): Faults {
    return this.#faults
  }

  /** What is not named goes well. */
  set faults(faults: Partial<Faults>) {
    this.#faults = { ...CALM, ...faults }
  }

  /** Messages sent so far, copies that the network made not counted. */
  get messageCount(): number {
    return this.#messageCount
  }

  /** Bytes of commands that appends have carried so far. */
  get bytesSent(): number {
    return this.#bytesSent
  }

  /** Appends that followers have refused so far. */
  get refusalCount(): number {
    return this.#refusalCount
  }

  // Time.

  run(ms: number): void {
    const untilMs = this.nowMs + ms
    this.#stopped = false
    while (!this.#stopped) {
      const event = this.#queue.takeDue(untilMs)
      if (!event) break
      this.nowMs = event.atMs
      this.#watched(event.run)
    }
    if (!this.#stopped) this.nowMs = untilMs
  }

  /**
   * Lets time pass until `condition` holds; false if it did not within `limitMs`. It is looked at after every event, before the member
   * concerned has persisted or sent anything.
   */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    this.#stopWhen = condition
    try {
      this.run(limitMs)
    } finally {
      this.#stopWhen = undefined
    }
    return this.#stopped
  }

  // What happens to members and to the network.

  crash(id: MemberId): void {
    this.#watched(() => this.#member(id).crash())
  }

  restart(id: MemberId): void {
    this.#watched(() => this.#member(id).start())
  }

  /**
   * Starts one more member, and returns its name. It knows who the first voters were; who they are now it learns from the log. Until the
   * others are told of it with `proposeChange`, it only waits.
   */
  join(voters: readonly MemberId[] = this.#initialVoters): MemberId {
    const id = NAMES[this.#members.size]!
    this.#watched(() => this.#addMember(id, voters))
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
    this.#note({ kind: 'partition', groups })
    this.#network.partition(groups)
  }

  /** What `from` sends to `to` no longer arrives; the other way stays open. */
  cut(from: MemberId, to: MemberId): void {
    this.#note({ kind: 'ask', member: from, what: `can no longer reach ${to}, but still hears it` })
    this.#network.cut(from, to)
  }

  heal(): void {
    this.#note({ kind: 'heal' })
    this.#network.heal()
  }

  /** 1: as time passes; 0.5: half as fast. */
  setClockSpeed(id: MemberId, speed: number): void {
    this.#note({ kind: 'ask', member: id, what: `has a clock that runs at ${speed} times its speed` })
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
    this.#note({ kind: 'persist', member: id, term, votedFor, from: 1, entries })
  }

  /** The last things that happened, a line each. */
  lastEvents(count: number): string[] {
    return this.#recorder.lastLines(count)
  }

  /** Something that a test expected did not come about: the trace ends there. */
  fail(rule: string, message: string): void {
    this.#recorder.fail(rule, message)
  }

  trace(title: string, replay: string): RaftTrace {
    return this.#recorder.trace({ title, replay, seed: this.random.seed, members: this.ids })
  }

  #createWorld(): World {
    const simulator = this
    const { create, compaction, machine = () => new CommandList() } = this.#options
    return {
      random: this.random,
      judge: this.judge,
      recorder: this.#recorder,
      disks: this.#disks,
      get faults() {
        return simulator.#faults
      },
      compaction,
      createMachine: machine,
      createCore: (member) => create(startOf(member, this.random.below(2 ** 31), this.#options)),
      note: (event) => this.#note(event),
      noteState: (status) => this.#recorder.noteState(this.nowMs, status),
      plan: (delayMs, run) => this.#queue.plan(this.nowMs + delayMs, run),
      send: (message, content) => this.#send(message, content),
      stops: () => {
        const stops = this.#stopWhen?.() ?? false
        if (stops) this.#stopped = true
        return stops
      },
    }
  }

  #addMember(id: MemberId, voters = this.#initialVoters): void {
    const member = new SimulatedMember(id, voters, this.#world)
    this.#members.set(id, member)
    this.#disks.set(id, member.disk)
    member.start()
    this.#planTick(member)
  }

  /** Clocks of different members do not beat together. */
  #planTick(member: SimulatedMember): void {
    const tickMs = TICK_MS - 1 + this.random.below(3)
    this.#queue.plan(this.nowMs + tickMs / member.clockSpeed, () => {
      member.input((core) => core.tick())
      this.#planTick(member)
    })
  }

  #ask(id: MemberId, what: string, give: (core: RaftCore) => boolean): boolean {
    const member = this.#member(id)
    if (!member.core) return false
    this.#note({ kind: 'ask', member: id, what })
    let answer = false
    this.#watched(() => {
      answer = member.input(give) ?? false
    })
    return answer
  }

  #send(message: Message, content: StoredSnapshot | undefined): void {
    const id = this.#recorder.nextMessage()
    this.#messageCount += 1
    if (message.type === 'AppendRequest') for (const { data } of message.entries) this.#bytesSent += data.length
    if (message.type === 'AppendResponse' && !message.accepted) this.#refusalCount += 1
    this.#note({ kind: 'send', id, message })
    for (const fate of drawFate(this.random, this.#faults)) {
      if (fate === 'lost') this.#note({ kind: 'lost', id, why: 'network' })
      else this.#queue.plan(this.nowMs + fate, () => this.#deliver(id, message, content))
    }
  }

  /** The content of a snapshot is on the receiver's disk before the receiver hears of it. */
  #deliver(id: number, message: Message, content: StoredSnapshot | undefined): void {
    const receiver = this.#members.get(message.to)
    if (!receiver?.core) this.#note({ kind: 'lost', id, why: 'receiver is down' })
    else if (!this.#network.connects(message.from, message.to)) this.#note({ kind: 'lost', id, why: 'partition' })
    else {
      this.#note({ kind: 'arrive', id })
      if (content) receiver.disk.receive(content)
      receiver.input((core) => core.step(copyMessage(message)))
    }
  }

  #note(draft: TraceDraft): void {
    this.#recorder.note(this.nowMs, draft)
  }

  /** A broken property is told with the events that led to it, and the seed. */
  #watched(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (isNotImplemented(error) || !(error instanceof Error)) throw error
      if (!(error instanceof InvariantViolation)) {
        this.#recorder.fail(RULES.neverThrows, error.message)
        throw error
      }
      this.#recorder.fail(error.rule, error.deed)
      const lastEvents = this.lastEvents(14).join('\n')
      error.message += `\n  Seed ${this.random.seed}. Last events:\n${lastEvents}\n`
      throw error
    }
  }

  #member(id: MemberId): SimulatedMember {
    const member = this.#members.get(id)
    if (!member) throw new RangeError(`there is no member ${id}`)
    return member
  }
}

function startOf(
  { id, initialVoters, disk }: SimulatedMember,
  seed: number,
  { features, messageBytes }: SimulatorOptions,
): SimulatedStart {
  const { hardState, snapshot } = disk
  return {
    id,
    voters: initialVoters,
    timing: TIMING,
    seed,
    ...(features && { features }),
    ...(messageBytes !== undefined && { messageBytes }),
    ...(hardState && { hardState }),
    ...(snapshot && { snapshot: snapshot.metadata }),
    entries: disk.entriesAfter(snapshot?.metadata.index ?? 0),
  }
}
