/**
 * Long work in short turns: one per round of the event loop, whoever has waited longest first. Between two turns the member hears its peers and its clients.
 */
export class Turns {
  readonly #waiting = new Set<() => void>()
  #isScheduled = false

  /** Calls `run` once, when its turn comes. Who waits already keeps the place. */
  request(run: () => void): void {
    this.#waiting.add(run)
    this.#schedule()
  }

  /** Takes back a request. */
  withdraw(run: () => void): void {
    this.#waiting.delete(run)
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.size === 0) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      const [run] = this.#waiting
      if (run) this.#waiting.delete(run)
      this.#schedule()
      run?.()
    })
  }
}
