/**
 * A clock that stands still until a test moves it. Timers fire in order of their due time, ties in order of creation.
 */
import type { Clock, Timer } from '../contracts/clock.ts'

export class VirtualClock implements Clock {
  #nowMs: number
  #timers: { dueMs: number; order: number; callback: () => void }[] = []
  #created = 0

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#created++, callback }
    this.#timers.push(timer)
    return { cancel: () => this.#remove(timer) }
  }

  /** Moves time forward, firing each timer at its own moment. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (let timer = this.#nextDue(untilMs); timer; timer = this.#nextDue(untilMs)) {
      this.#remove(timer)
      this.#nowMs = timer.dueMs
      timer.callback()
    }
    this.#nowMs = untilMs
  }

  /** As `advance`, and lets promises that a timer resolved run before the next timer fires. */
  async advanceAsync(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await flushPromises()
    for (let timer = this.#nextDue(untilMs); timer; timer = this.#nextDue(untilMs)) {
      this.#remove(timer)
      this.#nowMs = timer.dueMs
      timer.callback()
      await flushPromises()
    }
    this.#nowMs = untilMs
  }

  #remove(timer: object): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
  }

  #nextDue(untilMs: number) {
    return this.#timers
      .filter((timer) => timer.dueMs <= untilMs)
      .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0]
  }
}

/** Lets every promise continuation that is ready now run; no wall-clock time is involved. */
async function flushPromises(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
