/**
 * One simulated member: its core, its disk and its state machine, and the driver loop between them.
 *
 * The loop is the one that a real member has: take `ready`, write, sync, send, replace the state machine by a snapshot, apply, serve reads,
 * `advance`. The disk may take its time, during which the core goes on taking inputs; and the member may crash between any two of these steps.
 */
import type { HardState, MemberId, Message, RaftCore, RaftStatus, ReadState, Ready } from '../../raft/messages.ts'
import type { Random } from '../random.ts'
import { SimulatedDisk, type StoredSnapshot } from './disk.ts'
import type { RaftJudge } from './invariants.ts'
import type { Compaction } from './options.ts'
import type { TraceDraft, TraceRecorder } from './recorder.ts'
import { InvariantViolation, RULES } from './rules.ts'
import type { SimulatedMachine } from './state-machine.ts'

/** A read that a member was allowed to serve, with what it had applied by then. */
export interface ServedRead {
  readonly context: string
  readonly index: number
  readonly appliedIndex: number
}

/** What members share: time, chance, the others, and who watches them. */
export interface World {
  readonly random: Random
  readonly judge: RaftJudge
  readonly recorder: TraceRecorder
  /** Of all members. */
  readonly disks: ReadonlyMap<MemberId, SimulatedDisk>
  readonly faults: { readonly crash: number; readonly maxSyncMs: number }
  readonly compaction: Compaction | undefined
  createCore(member: SimulatedMember): RaftCore
  createMachine(): SimulatedMachine
  note(event: TraceDraft): void
  noteState(status: RaftStatus): void
  plan(delayMs: number, run: () => void): void
  send(message: Message, content: StoredSnapshot | undefined): void
  /** Whether time is to stand still after this input. */
  stops(): boolean
}

/** Where in a `Ready` a member can crash. */
type CrashPoint = (typeof CRASH_POINTS)[number]
const CRASH_POINTS = ['before sync', 'before sending', 'while sending', 'while applying'] as const

export class SimulatedMember {
  readonly id: MemberId
  /** What it believes the voters to be as long as its disk says nothing else. */
  readonly initialVoters: readonly MemberId[]
  readonly disk = new SimulatedDisk()
  core: RaftCore | undefined
  machine: SimulatedMachine
  reads: ServedRead[] = []
  /** 1: as time passes; 2: twice as fast. */
  clockSpeed = 1
  /** It was removed from the cluster, and never starts again. */
  isRetired = false
  readonly #world: World
  #appliedIndex = 0
  #waitingReads: ReadState[] = []
  #isSyncing = false
  /** Counts its lives: what was planned in an earlier one is void. */
  #life = 0

  constructor(id: MemberId, initialVoters: readonly MemberId[], world: World) {
    this.id = id
    this.initialVoters = initialVoters
    this.#world = world
    this.machine = world.createMachine()
  }

  /** What of its state machine is applied. */
  get appliedIndex(): number {
    return this.#appliedIndex
  }

  start(): void {
    if (this.core || this.isRetired) return
    const { snapshot } = this.disk
    this.#world.note({ kind: 'start', member: this.id })
    this.machine = this.#world.createMachine()
    if (snapshot) this.machine.restore(snapshot.content)
    this.#appliedIndex = snapshot?.metadata.index ?? 0
    this.#world.judge.restarted(this.id, this.#appliedIndex)
    this.core = this.#world.createCore(this)
    this.#world.noteState(this.core.status())
  }

  /** Takes nothing along but its disk; a write under way is there or not. */
  crash(): void {
    if (!this.core) return
    const { random } = this.#world
    if (this.disk.unsynced && random.chance(0.5)) this.#sync()
    this.disk.forgetUnsynced()
    this.#world.note({ kind: 'crash', member: this.id })
    this.#world.recorder.forget(this.id)
    this.core = undefined
    this.reads = []
    this.#waitingReads = []
    this.#isSyncing = false
    this.#life += 1
  }

  /** Gives the core an input, and does what it then wants done. */
  input<Answer>(give: (core: RaftCore) => Answer): Answer | undefined {
    if (!this.core) return undefined
    const answer = give(this.core)
    this.#observe(this.core)
    if (!this.#world.stops()) this.#handleReady()
    return answer
  }

  #observe(core: RaftCore): void {
    const status = core.status()
    this.#world.noteState(status)
    this.#world.judge.observe(status, this.disk)
  }

  #handleReady(): void {
    while (this.core?.hasReady() && !this.#isSyncing) {
      const core = this.core
      const ready = core.ready()
      this.disk.write(this.#writeOf(ready))
      const crash = this.#drawCrash()
      const { random, faults } = this.#world
      if (crash === 'before sync') this.#crashAndComeBack()
      else if (faults.maxSyncMs > 0) this.#finishLater(core, ready, crash, random.below(faults.maxSyncMs))
      else this.#finish(core, ready, crash)
    }
    if (this.core && !this.#isSyncing) this.#checkDisk(this.core.status())
  }

  #finishLater(core: RaftCore, ready: Ready, crash: CrashPoint | undefined, delayMs: number): void {
    const life = this.#life
    this.#isSyncing = true
    this.#world.plan(delayMs, () => {
      if (life !== this.#life) return
      this.#isSyncing = false
      this.#finish(core, ready, crash)
      this.#handleReady()
    })
  }

  /** Everything from the sync on; with a crash, up to there. */
  #finish(core: RaftCore, ready: Ready, crash: CrashPoint | undefined): void {
    const { random } = this.#world
    const { messages, committedEntries } = ready
    const sent = crash === 'while sending' ? random.below(messages.length) : messages.length
    const applied = crash === 'while applying' ? random.below(committedEntries.length) : committedEntries.length
    this.#sync()
    if (crash !== 'before sending') for (const message of messages.slice(0, sent)) this.#send(message)
    if (crash === 'before sending' || crash === 'while sending') {
      this.#crashAndComeBack()
      return
    }
    if (ready.snapshot) this.#install(this.disk.snapshot!)
    for (const entry of committedEntries.slice(0, applied)) this.#apply(entry)
    if (crash !== undefined) {
      this.#crashAndComeBack()
      return
    }
    this.#waitingReads.push(...ready.reads)
    this.#serveReads()
    core.advance(ready)
    this.#observe(core)
    this.#compactIfDue(core)
  }

  #writeOf({ hardState, snapshot, entries }: Ready) {
    return { hardState, entries, snapshot: snapshot && this.disk.takeReceived(snapshot) }
  }

  #sync(): void {
    const { disk } = this
    const write = disk.unsynced!
    const { snapshot, entries, hardState } = write
    if (snapshot) this.#world.judge.install(this.id, snapshot.metadata)
    if (!snapshot) this.#world.judge.persist(this.core!.status(), disk, entries)
    if (hardState) this.#world.judge.voted(this.id, hardState)
    disk.sync()
    if (!hardState && !snapshot && entries.length === 0) return
    this.#noteDisk(snapshot ? snapshot.metadata.index + 1 : entries[0]?.index, snapshot)
  }

  /** From `from` on, the disk holds what it now holds. */
  #noteDisk(from: number | undefined, snapshot: StoredSnapshot | undefined): void {
    const { term, votedFor }: Pick<HardState, 'term' | 'votedFor'> = this.disk.hardState ?? { term: 0, votedFor: null }
    const entries = from === undefined ? [] : this.disk.entriesAfter(from - 1)
    const changed = { ...(from !== undefined && { from }), ...(snapshot && { snapshot: snapshot.metadata }) }
    this.#world.note({ kind: 'persist', member: this.id, term, votedFor, entries, ...changed })
  }

  #send(message: Message): void {
    const isSnapshot = message.type === 'InstallSnapshot'
    const content = isSnapshot ? this.disk.contentOf(message.snapshot) : undefined
    if (isSnapshot && !content) return
    this.#world.send(message, content)
  }

  #install({ metadata, content }: StoredSnapshot): void {
    this.machine = this.#world.createMachine()
    this.machine.restore(content)
    this.#appliedIndex = metadata.index
    this.#world.judge.applied(this.id, metadata.index, this.machine.fingerprint(metadata.index))
  }

  #apply(entry: Ready['committedEntries'][number]): void {
    const { judge, disks } = this.#world
    judge.apply(this.id, entry, disks)
    this.machine.apply(entry)
    this.#appliedIndex = entry.index
    judge.applied(this.id, entry.index, this.machine.fingerprint(entry.index))
    this.#world.note({ kind: 'apply', member: this.id, entry })
  }

  /** A confirmed read is served once everything up to its index is applied. */
  #serveReads(): void {
    const appliedIndex = this.#appliedIndex
    const waiting = this.#waitingReads
    this.#waitingReads = waiting.filter(({ index }) => index > appliedIndex)
    for (const { context, index } of waiting) {
      if (index > appliedIndex) continue
      const what = `serves the read (${context}) from its state of index ${appliedIndex}`
      this.#world.note({ kind: 'ask', member: this.id, what })
      this.#world.judge.served(this.id, context, appliedIndex)
      this.reads.push({ context, index, appliedIndex })
    }
  }

  #compactIfDue(core: RaftCore): void {
    const { compaction } = this.#world
    const last = this.disk.snapshot?.metadata.index ?? 0
    if (!compaction || this.#appliedIndex - last < compaction.everyEntries) return
    const snapshot = { metadata: core.snapshotMetadata(), content: this.machine.snapshot() }
    const compactIndex = Math.max(this.disk.compactedIndex, snapshot.metadata.index - compaction.keepEntries)
    this.disk.compact(snapshot, compactIndex)
    this.#noteDisk(compactIndex + 1, snapshot)
    core.compact(snapshot.metadata, compactIndex)
    this.#observe(core)
  }

  #drawCrash(): CrashPoint | undefined {
    const { random, faults } = this.#world
    return random.chance(faults.crash) ? random.pick(CRASH_POINTS) : undefined
  }

  #crashAndComeBack(): void {
    this.crash()
    this.#world.plan(20 + this.#world.random.below(400), () => this.start())
  }

  #checkDisk({ lastIndex }: RaftStatus): void {
    if (this.disk.lastIndex === lastIndex) return
    throw new InvariantViolation(
      RULES.diskIsLog,
      `${this.id} says that its log ends at ${lastIndex} and that it has nothing to write; on its disk the log ends at ${this.disk.lastIndex}.`,
    )
  }
}
