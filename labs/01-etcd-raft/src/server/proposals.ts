/**
 * From a client's write to its answer: proposed, agreed on, applied here, answered.
 *
 * A proposal that has been handed over is never handed over again: it may be decided at any later time, even after the client was told that time is
 * up. One that waits for a leader has had no effect yet.
 * Source: etcd `server/etcdserver/v3_server.go` `processInternalRaftRequestOnce`.
 */
import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import { encodeCommand, type Request } from './command.ts'
import type { Outcome } from './state-machine.ts'

/** Upstream's `--max-request-bytes`, with the room it leaves for the envelope. */
const MAX_COMMAND_BYTES = 1.5 * 1024 * 1024 + 512
const MAX_WAITING = 5000

export interface Applied<Response> {
  readonly response: Response
  /** The store's revision when it was applied. */
  readonly revision: number
}

interface Waiting {
  readonly data: string
  readonly handOver: (data: string) => boolean
  handedOver: boolean
  readonly timer: Timer
  resolve(applied: Applied<object>): void
  reject(error: unknown): void
}

export interface ProposalsOptions {
  readonly handOver: (data: string) => boolean
  readonly clock: Clock
  readonly timeoutMs: number
}

export class Proposals {
  readonly #options: ProposalsOptions
  readonly #waiting = new Map<string, Waiting>()
  /** Ids of different members, and of different lives of one member, must differ. */
  readonly #prefix = randomBytes(8).toString('base64url')
  #count = 0

  constructor(options: ProposalsOptions) {
    this.#options = options
  }

  /** @param handOver how, if not as an ordinary command */
  propose<Response extends object>(request: Request, handOver = this.#options.handOver): Promise<Applied<Response>> {
    const id = `${this.#prefix}${(this.#count++).toString(36)}`
    const data = encodeCommand({ id, ...request })
    if (data.length > MAX_COMMAND_BYTES) return Promise.reject(etcdErrors.requestTooLarge())
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(etcdErrors.tooManyRequests())
    return new Promise<Applied<object>>((resolve, reject) => {
      const { clock, timeoutMs } = this.#options
      const handedOver = handOver(data)
      const timer = clock.setTimer(timeoutMs, () => {
        this.#waiting.delete(id)
        reject(etcdErrors.timedOut())
      })
      this.#waiting.set(id, { data, handOver, handedOver, timer, resolve, reject })
    }) as Promise<Applied<Response>>
  }

  /** A leader may be there now. */
  handOverWaiting(): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.handedOver) continue
      try {
        waiting.handedOver = waiting.handOver(waiting.data)
      } catch (error) {
        this.#waiting.delete(id)
        waiting.timer.cancel()
        waiting.reject(error)
      }
    }
  }

  /** These never left for the leader, because the connection to it is lost: the next leader may have them. */
  takeBack(commands: readonly string[]): void {
    for (const waiting of this.#waiting.values()) {
      if (commands.includes(waiting.data)) waiting.handedOver = false
    }
  }

  /** A command has been applied; perhaps one of ours. */
  settle({ id, result, revision }: Outcome): void {
    const waiting = this.#waiting.get(id)
    if (!waiting) return
    this.#waiting.delete(id)
    waiting.timer.cancel()
    if (result.ok) waiting.resolve({ response: result.response, revision })
    else waiting.reject(result.error)
  }

  failAll(error: unknown): void {
    for (const { timer, reject } of this.#waiting.values()) {
      timer.cancel()
      reject(error)
    }
    this.#waiting.clear()
  }
}
