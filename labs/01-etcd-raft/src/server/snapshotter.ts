/**
 * When to take a snapshot, and what follows from it.
 *
 * A snapshot is a view of the state machine between two entries. Taking the view costs nothing; writing it takes a while, and entries are applied
 * meanwhile, which the view does not see. Only when it is on disk does the log lose what it replaces.
 * Source: etcd `server/etcdserver/server.go` (`triggerSnapshot`, `snapshot`).
 */
import type { Log } from '#kit/contracts/log.ts'
import { isDiskFull } from '#kit/raft/disk.ts'
import type { RaftCore } from '#kit/raft/messages.ts'
import type { MachineContents } from '../snapshot/content.ts'
import { dueSnapshot, type SnapshotPolicy } from '../wal/replay-after.ts'
import type { Storage } from './storage.ts'

export interface SnapshotterOptions {
  readonly core: Pick<RaftCore, 'snapshotMetadata' | 'compact'>
  /** A view of the state machine as it is now, which stays so. */
  readonly contents: () => MachineContents
  /** How much there is to write: versions of keys. */
  readonly versionCount: () => number
  readonly storage: Pick<Storage, 'save' | 'removeOld'>
  readonly policy: SnapshotPolicy
  readonly log: Log
  readonly onFull: () => void
}

/** A snapshot of fewer is no burden: some tens of milliseconds. */
const MANY_VERSIONS = 10_000

export class Snapshotter {
  readonly #options: SnapshotterOptions
  #lastIndex: number
  #lastVersions = 0
  #writing: Promise<void> | undefined

  /** @param lastIndex of the snapshot that the member began with; 0 without one. */
  constructor(options: SnapshotterOptions, lastIndex: number) {
    this.#options = options
    this.#lastIndex = lastIndex
  }

  /** To be called between two entries, when everything up to `appliedIndex` is applied. */
  consider(appliedIndex: number): void {
    if (this.#writing) return
    const due = dueSnapshot(appliedIndex, this.#lastIndex, this.#policy())
    if (!due) return
    this.#lastIndex = appliedIndex
    this.#lastVersions = this.#options.versionCount()
    this.#writing = this.#take(due.compactIndex).finally(() => {
      this.#writing = undefined
    })
  }

  /**
   * Each snapshot is written anew, and whole. After a large one, the next waits for as many entries as that one had versions: so every entry pays for one
   * or two versions, however many there are.
   */
  #policy(): SnapshotPolicy {
    const { policy } = this.#options
    const large = this.#lastVersions > MANY_VERSIONS ? this.#lastVersions : 0
    return { ...policy, snapshotCount: Math.max(policy.snapshotCount, large) }
  }

  /** A snapshot came from the leader: the next one of our own is due that much later. */
  installed(index: number): void {
    this.#lastIndex = Math.max(this.#lastIndex, index)
  }

  async stop(): Promise<void> {
    await this.#writing
  }

  /** What fails here, a full disk for instance, leaves everything as it was; the next one is tried when it is due. */
  async #take(compactIndex: number): Promise<void> {
    const { core, contents, storage, log, onFull } = this.#options
    const metadata = core.snapshotMetadata()
    const view = contents()
    try {
      await storage.save(metadata, view)
      core.compact(metadata, compactIndex)
      await storage.removeOld()
      log.info(`snapshot of everything up to entry ${metadata.index}`)
    } catch (error) {
      log.error(`no snapshot of entry ${metadata.index} could be written`, error)
      if (isDiskFull(error)) onFull()
    }
  }
}
