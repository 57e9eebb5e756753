/**
 * The state machine, kept the same as everyone else's: Raft's driver with all that it moves.
 *
 * Proposals and read questions go into Raft. What Raft decides comes back through the ports: to the disk, to the peers, to the state machine, and to
 * whoever waits for it.
 * Source: etcd `server/etcdserver/raft.go`, `server/etcdserver/server.go` (`run`, `applyAll`).
 */
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { Entry, HardState, InstallSnapshot, MemberId, Message, SnapshotMetadata } from '#kit/raft/messages.ts'
import { restoreCore } from './bring-up.ts'
import { Durability } from './durability.ts'
import { type EngineOptions, timingOf } from './engine-options.ts'
import type { ReadyPorts } from './handle-ready.ts'
import { skipMissing } from './missing-parts.ts'
import type { Peers } from './peers.ts'
import { Proposals } from './proposals.ts'
import { RaftDriver } from './raft-driver.ts'
import { Reads } from './reads.ts'
import type { StateMachine } from './state-machine.ts'
import type { OpenedStorage, Storage } from './storage.ts'

export interface ReplicaOptions {
  readonly options: EngineOptions
  readonly opened: OpenedStorage
  readonly machine: StateMachine
  readonly peers: Peers
  /** There is no room left on the disk. */
  readonly onFull: () => void
  /** After everything that one `Ready` asked for. */
  readonly onProgress: () => void
}

/** A member that has not heard of a leader for longer than this has none to speak of. */
const LEADERLESS_ELECTIONS = 3

export class Replica {
  readonly driver: RaftDriver
  readonly proposals: Proposals
  readonly #options: EngineOptions
  readonly #storage: Storage
  readonly #machine: StateMachine
  readonly #peers: Peers
  readonly #durability: Durability
  readonly #reads: Reads
  readonly #onProgress: () => void
  #appliedIndex: number
  #leaderSeenAtMs: number

  constructor({ options, opened, machine, peers, onFull, onProgress }: ReplicaOptions) {
    const { clock, log, onFatal, snapshots: policy, electionTimeoutMs } = options
    const { tickMs, requestTimeoutMs: timeoutMs } = timingOf(options)
    const { storage, found } = opened
    this.#options = options
    this.#storage = storage
    this.#machine = machine
    this.#peers = peers
    this.#onProgress = onProgress
    this.#appliedIndex = found.snapshot?.head.index ?? 0
    this.#leaderSeenAtMs = clock.now()
    const core = restoreCore(options, found)
    const snapshotIndex = this.#appliedIndex
    this.#durability = new Durability({ storage, core, machine, policy, snapshotIndex, clock, log, onFull })
    this.driver = new RaftDriver({
      core,
      ports: this.#ports(),
      clock,
      tickMs,
      log,
      install: (metadata, newHardState) => this.#install(metadata, newHardState),
      onFatal,
      onProgress: () => this.#progress(),
      onTick: () => this.#tick(),
    })
    this.proposals = new Proposals({
      handOver: (data) => this.driver.propose(data),
      timeoutTicks: timeoutMs / tickMs,
    })
    this.#reads = new Reads({
      ask: (context) => this.driver.readIndex(context),
      appliedIndex: () => this.#appliedIndex,
      clock,
      timeoutMs,
      retryMs: electionTimeoutMs / 2,
    })
  }

  /** Resolves when a read from our own store sees all that was acknowledged before the call. */
  async waitForFreshRead(): Promise<void> {
    return this.#reads.wait()
  }

  receive(from: MemberId, message: Message): void {
    // What a removed member may still say about the log does not count.
    if (!this.#machine.members.isRemoved(from)) this.driver.step(message)
  }

  /** The core hears of a snapshot only when all of it is on our disk. */
  async receiveSnapshot(message: InstallSnapshot, content: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#durability.receive(message, content, () => this.driver.stepThrough(message))
  }

  status() {
    return { ...this.driver.status(), appliedIndex: this.#appliedIndex, walBytes: this.#storage.wal.size }
  }

  leader(): MemberId | null {
    return this.driver.status().leader
  }

  isLeader(): boolean {
    return this.driver.status().role === 'leader'
  }

  /** Whether a leader has been known lately. */
  hasLeader(): boolean {
    const silentMs = this.#options.clock.now() - this.#leaderSeenAtMs
    return silentMs < LEADERLESS_ELECTIONS * this.#options.electionTimeoutMs
  }

  /** A lab in progress answers at once what is not written yet, instead of timing out. */
  refuseWhatIsMissing(): void {
    if (isNotImplemented(this.driver.failure)) throw this.driver.failure
  }

  async stop(): Promise<void> {
    this.#durability.giveUpWaiting()
    await this.driver.stop()
    this.proposals.failAll(etcdErrors.stopped())
    this.#reads.failAll(etcdErrors.stopped())
    await this.#peers.close()
    await this.#durability.stop()
  }

  #ports(): ReadyPorts {
    return {
      persist: (record) => this.#durability.persist(record),
      send: (message) => this.#send(message),
      apply: (entry) => this.#apply(entry),
      serve: (read) => this.#reads.confirm(read),
    }
  }

  #send(message: Message): void {
    if (message.type === 'InstallSnapshot') {
      this.#peers.sendSnapshot(message, this.#storage.snapshots.file(message.snapshot))
      return
    }
    const isSent = this.#peers.send(message.to, { message })
    if (!isSent && message.type === 'ProposeRequest') this.proposals.takeBack(message.commands)
  }

  #apply(entry: Entry): void {
    const outcome = this.#machine.apply(entry, this.proposals.commandOf(entry.data))
    this.#appliedIndex = entry.index
    if (outcome) this.proposals.settle(entry.data, outcome)
  }

  async #install(snapshot: SnapshotMetadata, hardState: HardState | undefined): Promise<void> {
    await this.#durability.install(snapshot, hardState)
    this.#appliedIndex = snapshot.index
  }

  #tick(): void {
    if (this.leader() !== null) this.#leaderSeenAtMs = this.#options.clock.now()
    this.proposals.tick()
    this.#reads.progress()
  }

  #progress(): void {
    skipMissing(() => this.#machine.lessor.setLeader(this.isLeader(), this.#options.clock.now()))
    this.#reads.progress()
    this.#peers.followMembers()
    skipMissing(() => this.#durability.considerSnapshot(this.driver.status().appliedIndex))
    this.#onProgress()
  }
}
