/**
 * From a client's write to its answer: proposed, agreed on, applied here, answered.
 *
 * A proposal that has been handed over is never handed over again: it may be decided at any later time, even after the client was told that time is
 * up. One that waits for a leader has had no effect yet.
 * Source: etcd `server/etcdserver/v3_server.go` `processInternalRaftRequestOnce`.
 */
import { randomBytes } from 'node:crypto'
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import { type Command, encodeCommand, type Request } from './command.ts'
import type { Outcome } from './state-machine.ts'

/** Upstream's `--max-request-bytes`, with the room it leaves for the envelope. */
const MAX_COMMAND_BYTES = 1.5 * 1024 * 1024 + 512
const MAX_WAITING = 5000

export interface Applied<Response> {
  readonly response: Response
  /** The store's revision when it was applied. */
  readonly revision: number
}

type HandOver = (data: ByteString) => boolean

interface Waiting {
  readonly command: Command
  readonly handOver: HandOver
  handedOver: boolean
  /** The tick that is one too late. */
  readonly deadline: number
  resolve(applied: Applied<object>): void
  reject(error: unknown): void
}

export interface ProposalsOptions {
  readonly handOver: HandOver
  /** So long is a client kept waiting. Ticks, since a timer for each of thousands would cost more than looking at them all now and then. */
  readonly timeoutTicks: number
}

export class Proposals {
  readonly #options: ProposalsOptions
  /** By the command's bytes: by them it is recognised when it comes back decided. The oldest first. */
  readonly #waiting = new Map<ByteString, Waiting>()
  /** Commands of different members, and of different lives of one member, must differ. */
  readonly #prefix = randomBytes(8).toString('base64url')
  #count = 0
  #ticks = 0

  constructor(options: ProposalsOptions) {
    this.#options = options
  }

  /** @param handOver how, if not as an ordinary command */
  propose<Response extends object>(request: Request, handOver = this.#options.handOver): Promise<Applied<Response>> {
    const command = { id: `${this.#prefix}${(this.#count++).toString(36)}`, ...request }
    const data = encodeCommand(command)
    if (data.length > MAX_COMMAND_BYTES) return Promise.reject(etcdErrors.requestTooLarge())
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(etcdErrors.tooManyRequests())
    return new Promise<Applied<object>>((resolve, reject) => {
      const handedOver = handOver(data)
      const deadline = this.#ticks + this.#options.timeoutTicks
      this.#waiting.set(data, { command, handOver, handedOver, deadline, resolve, reject })
    }) as Promise<Applied<Response>>
  }

  /** Time has passed: for some it is up, for others there may be a leader now. */
  tick(): void {
    this.#ticks += 1
    for (const [data, waiting] of this.#waiting) {
      if (this.#ticks >= waiting.deadline) this.#end(data)?.reject(etcdErrors.timedOut())
      else if (!waiting.handedOver) this.#handOverAgain(data, waiting)
    }
  }

  #handOverAgain(data: ByteString, waiting: Waiting): void {
    try {
      waiting.handedOver = waiting.handOver(data)
    } catch (error) {
      this.#end(data)?.reject(error)
    }
  }

  /** These never left for the leader, because the connection to it is lost: the next leader may have them. */
  takeBack(commands: readonly ByteString[]): void {
    for (const data of commands) {
      const waiting = this.#waiting.get(data)
      if (waiting) waiting.handedOver = false
    }
  }

  /** What a decided entry says, if it is one of ours: it need not be decoded to know. */
  commandOf(data: ByteString): Command | undefined {
    return this.#waiting.get(data)?.command
  }

  /** A command has been applied; perhaps one of ours. */
  settle(data: ByteString, { result, revision }: Outcome): void {
    const waiting = this.#end(data)
    if (result.ok) waiting?.resolve({ response: result.response, revision })
    else waiting?.reject(result.error)
  }

  failAll(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #end(data: ByteString): Waiting | undefined {
    const waiting = this.#waiting.get(data)
    this.#waiting.delete(data)
    return waiting
  }
}
