/**
 * What all members of a simulation share: time, the network, chance, and a judge who watches.
 *
 * Everything that happens is an event in one queue, so nothing happens at the same time as anything else, and a seed gives the same
 * run to the last event.
 */
import { isNotImplemented } from '../../contracts/not-implemented.ts'
import type { MemberId, Message, RaftCore, RaftStatus } from '../../raft/messages.ts'
import { createRandom, type Random } from '../random.ts'
import type { SimulatedDisk, StoredSnapshot } from './disk.ts'
import { EventQueue } from './event-queue.ts'
import { RaftJudge } from './invariants.ts'
import { SimulatedMember, type World } from './member.ts'
import { copyMessage, drawFate, SimulatedNetwork } from './network.ts'
import { CALM, type Compaction, type Faults, type SimulatorOptions, TICK_MS, TIMING } from './options.ts'
import { type TraceDraft, TraceRecorder } from './recorder.ts'
import { InvariantViolation, RULES } from './rules.ts'
import { CommandList, type SimulatedMachine } from './state-machine.ts'

/** How many of the last events an error tells. */
const TOLD_EVENTS = 14

export class SimulatedWorld implements World {
  readonly random: Random
  readonly judge: RaftJudge
  readonly recorder: TraceRecorder
  readonly network = new SimulatedNetwork()
  readonly members = new Map<MemberId, SimulatedMember>()
  readonly disks = new Map<MemberId, SimulatedDisk>()
  readonly compaction: Compaction | undefined
  /** Messages sent so far, copies that the network made not counted. */
  messageCount = 0
  /** Bytes of commands that appends have carried so far. */
  bytesSent = 0
  /** Appends that followers have refused so far. */
  refusalCount = 0
  faults: Faults
  nowMs = 0
  readonly #options: SimulatorOptions
  readonly #queue = new EventQueue()
  #stopWhen: (() => boolean) | undefined
  #stopped = false

  constructor(options: SimulatorOptions, voters: readonly MemberId[]) {
    this.#options = options
    this.random = createRandom(options.seed)
    this.judge = new RaftJudge(voters)
    this.recorder = new TraceRecorder(options.keepEvents ?? Number.POSITIVE_INFINITY)
    this.compaction = options.compaction
    this.faults = { ...CALM, ...options.faults }
  }

  run(ms: number): void {
    const untilMs = this.nowMs + ms
    this.#stopped = false
    while (!this.#stopped) {
      const event = this.#queue.takeDue(untilMs)
      if (!event) break
      this.nowMs = event.atMs
      this.watched(event.run)
    }
    if (!this.#stopped) this.nowMs = untilMs
  }

  runUntil(condition: () => boolean, limitMs: number): boolean {
    this.#stopWhen = condition
    try {
      this.run(limitMs)
    } finally {
      this.#stopWhen = undefined
    }
    return this.#stopped
  }

  /** Does something in which a property may be found broken; that is told with the events that led to it, and the seed. */
  watched(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (isNotImplemented(error) || !(error instanceof Error)) throw error
      if (!(error instanceof InvariantViolation)) {
        this.recorder.fail(RULES.neverThrows, error.message)
        throw error
      }
      this.recorder.fail(error.rule, error.deed)
      const lastEvents = this.recorder.lastLines(TOLD_EVENTS).join('\n')
      error.message += `\n  Seed ${this.random.seed}. Last events:\n${lastEvents}\n`
      throw error
    }
  }

  addMember(id: MemberId, voters: readonly MemberId[]): void {
    const member = new SimulatedMember(id, voters, this)
    this.members.set(id, member)
    this.disks.set(id, member.disk)
    member.start()
    this.#planTick(member)
  }

  // What members ask for.

  createMachine(): SimulatedMachine {
    return this.#options.machine?.() ?? new CommandList()
  }

  createCore({ id, initialVoters, disk }: SimulatedMember): RaftCore {
    const { create, features, messageBytes, timing = TIMING } = this.#options
    const { hardState, snapshot } = disk
    return create({
      id,
      voters: initialVoters,
      timing,
      seed: this.random.below(2 ** 31),
      ...(features && { features }),
      ...(messageBytes !== undefined && { messageBytes }),
      ...(hardState && { hardState }),
      ...(snapshot && { snapshot: snapshot.metadata }),
      entries: disk.entriesAfter(snapshot?.metadata.index ?? 0),
    })
  }

  note(draft: TraceDraft): void {
    this.recorder.note(this.nowMs, draft)
  }

  noteState(status: RaftStatus): void {
    this.recorder.noteState(this.nowMs, status)
  }

  plan(delayMs: number, run: () => void): void {
    this.#queue.plan(this.nowMs + delayMs, run)
  }

  stops(): boolean {
    const stops = this.#stopWhen?.() ?? false
    if (stops) this.#stopped = true
    return stops
  }

  send(message: Message, content: StoredSnapshot | undefined): void {
    const id = this.recorder.nextMessage()
    this.messageCount += 1
    if (message.type === 'AppendRequest') for (const { data } of message.entries) this.bytesSent += data.length
    if (message.type === 'AppendResponse' && !message.accepted) this.refusalCount += 1
    this.note({ kind: 'send', id, message })
    for (const fate of drawFate(this.random, this.faults)) {
      if (fate === 'lost') this.note({ kind: 'lost', id, why: 'network' })
      else this.plan(fate, () => this.#deliver(id, message, content))
    }
  }

  /** The content of a snapshot is on the receiver's disk before the receiver hears of it. */
  #deliver(id: number, message: Message, content: StoredSnapshot | undefined): void {
    const receiver = this.members.get(message.to)
    if (!receiver?.core) this.note({ kind: 'lost', id, why: 'receiver is down' })
    else if (!this.network.connects(message.from, message.to)) this.note({ kind: 'lost', id, why: 'partition' })
    else {
      this.note({ kind: 'arrive', id })
      if (content) receiver.disk.receive(content)
      receiver.input((core) => core.step(copyMessage(message)))
    }
  }

  /** Clocks of different members do not beat together. */
  #planTick(member: SimulatedMember): void {
    const tickMs = TICK_MS - 1 + this.random.below(3)
    this.plan(tickMs / member.clockSpeed, () => {
      member.input((core) => core.tick())
      this.#planTick(member)
    })
  }
}
