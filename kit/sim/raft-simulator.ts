/**
 * A whole Raft cluster in one process, on virtual time, with a network and disks that fail as the seed says.
 *
 * Messages get lost, late, doubled and out of order; members crash between any two steps of handling a `Ready`, lose what was not on
 * disk, and come back. After every event the judge checks Raft's safety properties. The same seed gives the same run, to the last event.
 */
import type { Entry, HardState, MemberId, Message, RaftCore } from '../raft/messages.ts'
import { InvariantViolation, RaftJudge } from './raft-invariants.ts'
import { createRandom, type Random } from './random.ts'

/** What a simulated member is started with: all it finds on its disk. */
export interface SimulatedStart {
  readonly id: MemberId
  readonly voters: readonly MemberId[]
  readonly timing: { readonly heartbeatTicks: number; readonly electionTicks: number }
  readonly seed: number
  readonly hardState?: HardState
  readonly entries?: readonly Entry[]
}

export interface SimulatorOptions {
  readonly members: number
  readonly seed: number
  readonly create: (start: SimulatedStart) => RaftCore
  readonly faults?: Partial<NetworkFaults>
}

export interface NetworkFaults {
  /** Probability that a message never arrives. */
  readonly loss: number
  /** Probability that it arrives twice. */
  readonly duplication: number
  /** Milliseconds under way: between 1 and this. More than a few reorders messages. */
  readonly maxDelayMs: number
  /** Probability, per `Ready`, that the member crashes in the middle of it. */
  readonly crash: number
}

const CALM: NetworkFaults = { loss: 0, duplication: 0, maxDelayMs: 5, crash: 0 }
export const TICK_MS = 10
const TIMING = { heartbeatTicks: 2, electionTicks: 10 }

interface SimulatedMember {
  readonly id: MemberId
  core: RaftCore | undefined
  disk: { hardState: HardState | undefined; entries: Entry[] }
  /** What its state machine has applied since it started. */
  applied: Entry[]
  reads: { context: string; index: number; appliedIndex: number }[]
}

interface SimulatedEvent {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class RaftSimulator {
  readonly ids: readonly MemberId[]
  readonly random: Random
  readonly judge: RaftJudge
  faults: NetworkFaults
  nowMs = 0
  readonly #create: SimulatorOptions['create']
  readonly #members = new Map<MemberId, SimulatedMember>()
  #queue: SimulatedEvent[] = []
  #scheduled = 0
  #groups: readonly (readonly MemberId[])[] = []
  readonly #cuts = new Set<string>()
  #trace: string[] = []
  #stopWhen: (() => boolean) | undefined
  #stopped = false

  constructor(options: SimulatorOptions) {
    this.ids = 'abcdefg'.slice(0, options.members).split('')
    this.random = createRandom(options.seed)
    this.judge = new RaftJudge(options.members)
    this.faults = { ...CALM, ...options.faults }
    this.#create = options.create
    for (const id of this.ids) {
      this.#members.set(id, {
        id,
        core: undefined,
        disk: { hardState: undefined, entries: [] },
        applied: [],
        reads: [],
      })
      this.restart(id)
      this.#scheduleTick(id)
    }
  }

  /** Lets time pass. */
  run(ms: number): void {
    const untilMs = this.nowMs + ms
    this.#stopped = false
    while (!this.#stopped) {
      const event = this.#queue[0]
      if (!event || event.atMs > untilMs) break
      this.#queue.shift()
      this.nowMs = event.atMs
      event.run()
    }
    if (!this.#stopped) this.nowMs = untilMs
  }

  /**
   * Lets time pass until `condition` holds; false if it did not within `limitMs`. It is looked at after every event, before the member
   * concerned has persisted or sent anything.
   */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    this.#stopWhen = condition
    this.run(limitMs)
    this.#stopWhen = undefined
    return this.#stopped
  }

  crash(id: MemberId): void {
    const member = this.#member(id)
    if (!member.core) return
    this.#note(`${id} crashes`)
    member.core = undefined
    member.applied = []
    member.reads = []
  }

  restart(id: MemberId): void {
    const member = this.#member(id)
    if (member.core) return
    if (this.nowMs > 0) this.#note(`${id} starts again`)
    const { hardState, entries } = member.disk
    this.judge.restarted(id, hardState?.term ?? 0)
    member.core = this.#create({
      id,
      voters: this.ids,
      timing: TIMING,
      seed: this.random.below(2 ** 31),
      ...(hardState && { hardState }),
      entries: [...entries],
    })
  }

  isUp(id: MemberId): boolean {
    return this.#member(id).core !== undefined
  }

  /** Only members of the same group hear each other; whoever is in no group hears nobody. */
  partition(...groups: readonly (readonly MemberId[])[]): void {
    this.#note(`partition ${groups.map((group) => group.join('')).join(' | ')}`)
    this.#groups = groups
  }

  /** What `from` sends to `to` is lost; the way back stays open. */
  cut(from: MemberId, to: MemberId): void {
    this.#note(`the way from ${from} to ${to} is cut`)
    this.#cuts.add(`${from} ${to}`)
  }

  heal(): void {
    this.#note('the network heals')
    this.#groups = []
    this.#cuts.clear()
  }

  propose(id: MemberId, command: string): boolean {
    return this.#input(id, `is asked for ${command}`, (core) => core.propose(command)) ?? false
  }

  read(id: MemberId, context: string): boolean {
    return this.#input(id, `is asked to read (${context})`, (core) => core.readIndex(context)) ?? false
  }

  transferLeadership(id: MemberId, to: MemberId): boolean {
    const note = `is asked to hand leadership over to ${to}`
    return this.#input(id, note, (core) => core.transferLeadership(to)) ?? false
  }

  /** The leader of the newest term among running members. */
  leader(): MemberId | undefined {
    const leaders = this.#running().filter((status) => status.role === 'leader')
    return leaders.sort((a, b) => b.term - a.term)[0]?.id
  }

  status(id: MemberId) {
    return this.#member(id).core?.status()
  }

  /** The commands that a member has applied since it started, without leaders' no-ops. */
  applied(id: MemberId): string[] {
    return this.#member(id).applied.flatMap(({ data }) => (data === '' ? [] : [data]))
  }

  /** Reads that a member was allowed to serve, each with what had been applied by then. */
  reads(id: MemberId): readonly { context: string; index: number; appliedIndex: number }[] {
    return this.#member(id).reads
  }

  /** The log on a member's disk, as `term:command` with commands joined by spaces. */
  disk(id: MemberId): string {
    return this.#member(id)
      .disk.entries.map(({ term, data }) => `${term}:${data}`)
      .join(' ')
  }

  /** Puts a log on a member's disk, before a restart. */
  setDisk(id: MemberId, hardState: HardState, entries: readonly Entry[]): void {
    this.#member(id).disk = { hardState, entries: [...entries] }
  }

  #running() {
    return [...this.#members.values()].flatMap(({ core }) => (core ? [core.status()] : []))
  }

  #member(id: MemberId): SimulatedMember {
    const member = this.#members.get(id)
    if (!member) throw new RangeError(`there is no member ${id}`)
    return member
  }

  #schedule(delayMs: number, run: () => void): void {
    const event = { atMs: this.nowMs + delayMs, order: this.#scheduled++, run }
    let place = this.#queue.length
    while (place > 0 && this.#queue[place - 1]!.atMs > event.atMs) place--
    this.#queue.splice(place, 0, event)
  }

  #scheduleTick(id: MemberId): void {
    // Clocks of different members do not beat together.
    this.#schedule(TICK_MS - 1 + this.random.below(3), () => {
      this.#input(id, undefined, (core) => core.tick())
      this.#scheduleTick(id)
    })
  }

  /** Gives a member an input, judges, and does what it then wants done. */
  #input<Answer>(id: MemberId, note: string | undefined, give: (core: RaftCore) => Answer): Answer | undefined {
    const member = this.#member(id)
    if (!member.core) return undefined
    if (note) this.#note(`${id} ${note}`)
    const before = member.core.status()
    const answer = give(member.core)
    const after = member.core.status()
    if (before.role !== after.role) this.#note(`${id} becomes ${after.role} of term ${after.term}`)
    this.#judged(() => this.judge.observe(after, member.disk.entries))
    if (this.#stopWhen?.()) this.#stopped = true
    else this.#handleReady(member)
    return answer
  }

  #handleReady(member: SimulatedMember): void {
    while (member.core?.hasReady()) {
      const core = member.core
      const ready = core.ready()
      if (this.#mayCrash(member.id)) break
      if (ready.hardState) member.disk.hardState = ready.hardState
      this.#persist(member, ready.entries)
      if (this.#mayCrash(member.id)) break
      for (const message of ready.messages) this.#send(message)
      for (const entry of ready.committedEntries) this.#apply(member, entry)
      const appliedIndex = member.applied.at(-1)?.index ?? 0
      for (const read of ready.reads) member.reads.push({ ...read, appliedIndex })
      core.advance(ready)
      this.#judged(() => this.judge.observe(core.status(), member.disk.entries))
    }
  }

  #mayCrash(id: MemberId): boolean {
    if (!this.random.chance(this.faults.crash)) return false
    this.crash(id)
    this.#schedule(20 + this.random.below(400), () => this.restart(id))
    return true
  }

  #persist(member: SimulatedMember, entries: readonly Entry[]): void {
    if (entries.length === 0) return
    this.#judged(() => this.judge.persist(member.core!.status(), member.disk.entries, entries))
    member.disk.entries.length = entries[0]!.index - 1
    member.disk.entries.push(...entries)
  }

  #apply(member: SimulatedMember, entry: Entry): void {
    const disks = [...this.#members.values()].map(({ disk }) => disk.entries)
    this.#judged(() => this.judge.apply(member.id, entry, disks))
    member.applied.push(entry)
  }

  #send(message: Message): void {
    const copies = this.random.chance(this.faults.duplication) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.chance(this.faults.loss)) {
        this.#note(`lost: ${describeMessage(message)}`)
        continue
      }
      const delayMs = 1 + this.random.below(this.faults.maxDelayMs)
      this.#schedule(delayMs, () => {
        if (this.#areConnected(message.from, message.to)) {
          this.#input(message.to, `gets ${describeMessage(message)}`, (core) => core.step(structuredClone(message)))
        }
      })
    }
  }

  #areConnected(a: MemberId, b: MemberId): boolean {
    if (this.#cuts.has(`${a} ${b}`)) return false
    return this.#groups.length === 0 || this.#groups.some((group) => group.includes(a) && group.includes(b))
  }

  #note(line: string): void {
    this.#trace.push(`${String(this.nowMs).padStart(6)} ms  ${line}`)
    if (this.#trace.length > 400) this.#trace = this.#trace.slice(-100)
  }

  /** A broken property is told with the events that led to it, and the seed. */
  #judged(check: () => void): void {
    try {
      check()
    } catch (error) {
      if (!(error instanceof InvariantViolation)) throw error
      const lastEvents = this.#trace.slice(-14).join('\n')
      throw new InvariantViolation(
        error.rule,
        `${error.message}\n  Seed ${this.random.seed}. Last events:\n${lastEvents}\n`,
      )
    }
  }
}

/** One line, as one would say it. */
export function describeMessage(message: Message): string {
  const head = `${message.type} of ${message.from} to ${message.to}, term ${message.term}`
  if (message.type === 'VoteRequest')
    return `${head}, log ends at ${message.lastLogIndex} (term ${message.lastLogTerm})`
  if (message.type === 'VoteResponse') return `${head}, ${message.granted ? 'granted' : 'refused'}`
  if (message.type === 'AppendRequest') {
    const { entries, prevLogIndex, prevLogTerm, commitIndex } = message
    const what = entries.length === 0 ? 'no entries' : `entries ${entries[0]!.index} to ${entries.at(-1)!.index}`
    return `${head}, ${what} after ${prevLogIndex} (term ${prevLogTerm}), commit ${commitIndex}`
  }
  if (message.type === 'AppendResponse') {
    return `${head}, ${message.accepted ? `matches to ${message.matchIndex}` : `refuses ${message.rejectedIndex}`}`
  }
  return head
}
