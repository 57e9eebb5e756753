/**
 * The loop around the pure core: it owns the ticks, the disk and the connections to peers.
 *
 * One `Ready` is handled at a time. While the disk syncs one, new proposals and messages gather in the core and leave with the next: that is
 * group commit, and it needs no code of its own.
 */

import type { Clock, Timer } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type {
  HardState,
  MemberId,
  MembershipChange,
  Message,
  RaftStatus,
  SnapshotMetadata,
} from '#kit/raft/messages.ts'
import type { Raft } from '../raft/raft.ts'
import { handleReady, type ReadyPorts } from './handle-ready.ts'

export interface RaftDriverOptions {
  readonly core: Raft
  readonly ports: ReadyPorts
  /** Puts a snapshot that the leader sent on disk, with the hard state that came with it, and in place of the state machine. */
  readonly install: (snapshot: SnapshotMetadata, hardState: HardState | undefined) => Promise<void>
  readonly clock: Clock
  readonly tickMs: number
  readonly log: Log
  /** After everything that one `Ready` asked for. */
  readonly onProgress: () => void
  /** After every tick: the place for what is to be tried again, since trying at once could go round for ever. */
  readonly onTick: () => void
  /** The disk failed: nothing can be promised any more. */
  readonly onFatal: (error: unknown) => void
}

export class RaftDriver {
  /** Why the core cannot go on, for instance a step that is not written yet; undefined while all is well. */
  failure: unknown
  readonly #options: RaftDriverOptions
  #timer: Timer | undefined
  #isHandling = false
  #isStopped = false
  #handling: Promise<void> = Promise.resolve()

  constructor(options: RaftDriverOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, tickMs, core, onTick } = this.#options
    this.#timer = clock.setTimer(tickMs, () => {
      this.#drive(() => core.tick())
      onTick()
      if (!this.#isStopped) this.start()
    })
  }

  status(): RaftStatus {
    return this.#options.core.status()
  }

  /** Alone in the cluster, there is nobody to wait for. */
  campaign(): void {
    this.#drive(() => this.#options.core.campaign())
  }

  step(message: Message): void {
    this.#drive(() => this.#options.core.step(message))
  }

  /** Resolves when whatever followed from the message is done. */
  async stepThrough(message: Message): Promise<void> {
    // Not in the middle of anything.
    await new Promise((resolve) => setImmediate(resolve))
    this.step(message)
    await this.#handling
  }

  /** False when there is no leader now. What the core throws concerns the one who asked. */
  propose(command: ByteString): boolean {
    return this.#ask(() => this.#options.core.propose(command))
  }

  /** False when Raft would not begin a change of the members now. */
  proposeChange(change: MembershipChange, data: ByteString): boolean {
    return this.#ask(() => this.#options.core.proposeChange(change, data))
  }

  mayChangeMembers(): boolean {
    return this.#options.core.mayChangeMembers()
  }

  hasCaughtUp(id: MemberId): boolean {
    return this.#options.core.hasCaughtUp(id)
  }

  /** False when there is no leader now. What the core throws concerns the one who asked. */
  readIndex(context: string): boolean {
    return this.#ask(() => this.#options.core.readIndex(context))
  }

  /** False when that member cannot lead. What the core throws concerns the one who asked. */
  transferLeadership(to: MemberId): boolean {
    return this.#ask(() => this.#options.core.transferLeadership(to))
  }

  likelySuccessor(): MemberId | null {
    return this.#options.core.likelySuccessor()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#handling
  }

  #ask(question: () => boolean): boolean {
    if (this.#isStopped) return false
    const answer = question()
    this.#wake()
    return answer
  }

  /** Gives the core an input. What it throws is logged, once for each kind, and kept in `failure`. */
  #drive(input: () => void): void {
    if (this.#isStopped) return
    try {
      input()
      this.#wake()
    } catch (error) {
      this.#fail(error)
    }
  }

  #wake(): void {
    if (this.#isHandling) return
    this.#isHandling = true
    // Whatever else has arrived by now goes into the same Ready.
    this.#handling = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#handleAll())
      .finally(() => {
        this.#isHandling = false
      })
  }

  async #handleAll(): Promise<void> {
    const { core, ports, install, onProgress, onFatal } = this.#options
    try {
      while (!this.#isStopped && core.hasReady()) {
        const ready = core.ready()
        // Everything else in this Ready, the answer to the leader above all, rests on it.
        if (ready.snapshot) await install(ready.snapshot, ready.hardState)
        await handleReady(ready, ports)
        core.advance(ready)
        this.failure = undefined
        onProgress()
      }
    } catch (error) {
      this.#fail(error)
      if (isDiskError(error)) onFatal(error)
    }
  }

  #fail(error: unknown): void {
    if (describeError(this.failure) !== describeError(error)) this.#options.log.error('Raft cannot go on', error)
    this.failure = error
  }
}

/** Errors of the operating system carry the name of the call that failed. */
function isDiskError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
