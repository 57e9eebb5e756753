/**
 * Long work in short turns: one per round of the event loop, whoever has waited longest first. Between two turns the member hears its peers and its clients.
 */
export class Turns {
  readonly #waiting = new Set<() => void>()

  /** Calls `run` once, when its turn comes. Who waits already keeps the place. */
  request(run: () => void): void {
    this.#waiting.add(run)
    if (this.#waiting.size === 1) this.#schedule()
  }

  /** Takes back a request. */
  withdraw(run: () => void): void {
    this.#waiting.delete(run)
  }

  #schedule(): void {
    setImmediate(() => {
      const [run] = this.#waiting
      if (!run) return
      this.#waiting.delete(run)
      if (this.#waiting.size > 0) this.#schedule()
      run()
    })
  }
}
