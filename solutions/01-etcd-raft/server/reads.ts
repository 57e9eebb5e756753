/**
 * Linearizable reads on any member: wait until our own store is at least as new as the read must be.
 *
 * All reads that arrive while one round is under way share the next one, so a thousand readers cost no more messages than one.
 * Source: etcd `server/etcdserver/v3_server.go` `linearizableReadLoop`.
 */
import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { ReadState } from '#kit/raft/messages.ts'

export interface ReadsOptions {
  /** Asks for a read index; false when there is no leader now. */
  readonly ask: (context: string) => boolean
  readonly appliedIndex: () => number
  readonly clock: Clock
  /** A read that takes longer fails. */
  readonly timeoutMs: number
  /** A round without an answer is asked again after this: its messages may be lost. */
  readonly retryMs: number
}

interface Round {
  readonly context: string
  readonly readers: Reader[]
  /** Known once confirmed: reads may be served when this is applied. */
  index?: number
  askedAtMs: number
}

interface Reader {
  readonly timer: Timer
  resolve(): void
  reject(error: unknown): void
}

export class Reads {
  readonly #options: ReadsOptions
  #current: Round | undefined
  #next: Reader[] = []
  /** Confirmed rounds whose index is not applied yet. */
  #confirmed: Round[] = []
  /** An answer to a question of an earlier life of this member must not be taken for ours. */
  readonly #prefix = randomBytes(8).toString('base64url')
  #count = 0

  constructor(options: ReadsOptions) {
    this.#options = options
  }

  /** Resolves when a read from our own store is linearizable. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.setTimer(this.#options.timeoutMs, () => {
        this.#forget(reader)
        reject(etcdErrors.timedOut())
      })
      const reader: Reader = { timer, resolve, reject }
      this.#next.push(reader)
      this.#begin()
    })
  }

  confirm({ context, index }: ReadState): void {
    const round = this.#current
    if (round?.context !== context) return
    this.#current = undefined
    this.#confirmed.push({ ...round, index })
    this.progress()
    this.#begin()
  }

  /** Something was applied, or time has passed. */
  progress(): void {
    const appliedIndex = this.#options.appliedIndex()
    const served = this.#confirmed.filter((round) => round.index! <= appliedIndex)
    if (served.length > 0) {
      this.#confirmed = this.#confirmed.filter((round) => round.index! > appliedIndex)
      for (const reader of served.flatMap((round) => round.readers)) {
        reader.timer.cancel()
        reader.resolve()
      }
    }
    const round = this.#current
    if (round && this.#options.clock.now() - round.askedAtMs >= this.#options.retryMs) this.#ask(round)
  }

  failAll(error: unknown): void {
    const rounds = this.#current ? [this.#current, ...this.#confirmed] : this.#confirmed
    const readers = [...this.#next, ...rounds.flatMap((round) => round.readers)]
    this.#next = []
    this.#current = undefined
    this.#confirmed = []
    for (const { timer, reject } of readers) {
      timer.cancel()
      reject(error)
    }
  }

  #begin(): void {
    if (this.#current || this.#next.length === 0) return
    this.#current = { context: `${this.#prefix}${this.#count++}`, readers: this.#next, askedAtMs: 0 }
    this.#next = []
    this.#ask(this.#current)
  }

  #ask(round: Round): void {
    round.askedAtMs = this.#options.clock.now()
    try {
      this.#options.ask(round.context)
    } catch (error) {
      if (this.#current === round) this.#current = undefined
      for (const { timer, reject } of round.readers) {
        timer.cancel()
        reject(error)
      }
    }
  }

  #forget(reader: Reader): void {
    for (const readers of [this.#next, this.#current?.readers ?? [], ...this.#confirmed.map((one) => one.readers)]) {
      const position = readers.indexOf(reader)
      if (position >= 0) readers.splice(position, 1)
    }
    // A round that nobody waits for any more must not keep the next one from beginning.
    if (this.#current?.readers.length === 0) this.#current = undefined
    this.#begin()
  }
}
