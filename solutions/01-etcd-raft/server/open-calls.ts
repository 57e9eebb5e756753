/**
 * Questions to another member that are still open: whoever asked waits until the answer comes, or the time for it is up.
 *
 * A question may be lost, and so may its answer; an answer that comes too late finds nobody.
 */
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'

interface OpenCall<Answer> {
  readonly timer: Timer
  resolve(answer: Answer): void
}

export class OpenCalls<Answer> {
  readonly #clock: Clock
  readonly #calls = new Map<number, OpenCall<Answer>>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rejects with `timed out`. `send` sends the question with an id that the answer will bear. */
  ask(timeoutMs: number, send: (callId: number) => void): Promise<Answer> {
    const callId = ++this.#count
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(timeoutMs, () => {
        this.#calls.delete(callId)
        reject(etcdErrors.timedOut())
      })
      this.#calls.set(callId, { timer, resolve })
      send(callId)
    })
  }

  answer(callId: number, answer: Answer): void {
    const call = this.#calls.get(callId)
    if (!call) return
    this.#calls.delete(callId)
    call.timer.cancel()
    call.resolve(answer)
  }
}
