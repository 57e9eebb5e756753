/**
 * What a running member keeps on its disk, and how it does without one that is full.
 *
 * Three streams meet here: what Raft wants persisted, snapshots of our own, snapshots from a leader.
 *
 * A full disk is no reason to end: it passes, and ending would not make room. What cannot be written is tried again and again, and as long as it is not
 * written nothing that rests on it is sent or answered; to the others we look like a member that is slow, and they go on without us. Whoever only
 * wants to read what is there already is served.
 * Source: etcd `server/etcdserver/raft.go`, `server/etcdserver/snapshot_merge.go`; Raft figure 2.
 */
import { type Clock, pause } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { isDiskFull } from '#kit/raft/disk.ts'
import type { HardState, InstallSnapshot, RaftCore, SnapshotMetadata } from '#kit/raft/messages.ts'
import type { WalRecord } from '../wal/replay.ts'
import type { SnapshotPolicy } from '../wal/replay-after.ts'
import { Snapshotter } from './snapshotter.ts'
import type { StateMachine } from './state-machine.ts'
import type { Storage } from './storage.ts'

export interface DurabilityOptions {
  readonly storage: Storage
  readonly core: Pick<RaftCore, 'snapshotMetadata' | 'compact'>
  readonly machine: StateMachine
  readonly policy: SnapshotPolicy
  /** Of the snapshot with which the member began; 0 without one. */
  readonly snapshotIndex: number
  readonly clock: Clock
  readonly log: Log
  /** There is no room left on the disk, or hardly any. */
  readonly onFull: () => void
}

/** How often a write that found no room is tried again. */
const RETRY_MS = 500
/** How often, after that, room for the next time is looked for. */
const RESERVE_MS = 10_000

export class Durability {
  readonly #options: DurabilityOptions
  readonly #snapshotter: Snapshotter
  readonly #stopping = new AbortController()
  #isReceiving = false

  constructor(options: DurabilityOptions) {
    const { core, machine, storage, policy, log, onFull, snapshotIndex } = options
    this.#options = options
    const contents = () => machine.contents()
    const versionCount = () => machine.store.versionCount
    this.#snapshotter = new Snapshotter({ core, contents, versionCount, storage, policy, log, onFull }, snapshotIndex)
    void this.#keepReserve()
  }

  /** What the reserve was used for may be long over when there is room again. */
  async #keepReserve(): Promise<void> {
    const { clock, storage, log } = this.#options
    for (;;) {
      await pause(clock, RESERVE_MS, this.#stopping.signal)
      if (this.#stopping.signal.aborted) return
      await storage.wal.restoreReserve().catch((error) => log.warn(`no room can be reserved: ${describeError(error)}`))
    }
  }

  /** Resolves when the record is on disk, however long there may be no room for it. */
  async persist(record: WalRecord): Promise<void> {
    await this.#untilThereIsRoom(() => this.#options.storage.wal.append(record))
  }

  /** After every `Ready`: the moment at which core and state machine stand at the same entry. */
  considerSnapshot(appliedIndex: number): void {
    this.#snapshotter.consider(appliedIndex)
  }

  /** Takes over a snapshot that was received before. Resolves when it is on disk and the state machine has become it. */
  async install(snapshot: SnapshotMetadata, hardState: HardState | undefined): Promise<void> {
    const { storage, machine, log } = this.#options
    const record = { ...(hardState && { hardState }), snapshot, entries: [] }
    const { head, store } = await storage.install(record, (mark) => this.persist(mark))
    machine.restore(head, store)
    this.#snapshotter.installed(snapshot.index)
    log.info(`took over the leader's snapshot of everything up to entry ${snapshot.index}`)
  }

  /**
   * Stores what comes with an InstallSnapshot, then lets the core decide on it: `deliver` resolves when it has been installed, or was not wanted. Until
   * then no other is taken, since both would want the same place. Throws when it does not arrive whole.
   */
  async receive(
    { snapshot }: InstallSnapshot,
    content: AsyncIterable<Uint8Array>,
    deliver: () => Promise<void>,
  ): Promise<void> {
    if (this.#isReceiving) return
    this.#isReceiving = true
    const { snapshots } = this.#options.storage
    try {
      await snapshots.receive(snapshot, content)
      await deliver()
    } finally {
      await snapshots.discardReceived()
      this.#isReceiving = false
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#snapshotter.stop()
    await this.#options.storage.wal.close()
  }

  /** To be called before the driver stops: a write that waits for room is given up, and nothing that rests on it happens any more. */
  giveUpWaiting(): void {
    this.#stopping.abort()
  }

  async #untilThereIsRoom(write: () => Promise<void>): Promise<void> {
    const { clock, log, onFull } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        await write()
        if (attempt > 1) log.info('there is room on the disk again')
        return
      } catch (error) {
        if (!isDiskFull(error)) throw error
        if (attempt === 1)
          log.error('the disk is full; this member waits for room, and promises nothing meanwhile', error)
        onFull()
      }
      await pause(clock, RETRY_MS, this.#stopping.signal)
      if (this.#stopping.signal.aborted) throw new Error('stopped while the disk was full')
    }
  }
}
