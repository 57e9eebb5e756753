/**
 * Steps with a ★ may be left out: the server then does without what they teach. It says so, once, and goes on.
 */
import type { Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'

export class OptionalSteps {
  readonly #log: Log
  readonly #missing = new Set<string>()

  constructor(log: Log) {
    this.#log = log
  }

  /**
   * Does the `work` of an optional step; or, where that is not written yet, what is done `otherwise`.
   *
   * @param what for the log: "quotas are not enforced"
   */
  async run<T>(what: string, work: () => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
    if (this.#missing.has(what)) return otherwise()
    try {
      return await work()
    } catch (error) {
      if (!isNotImplemented(error)) throw error
      if (!this.#missing.has(what)) this.#log.error(what, error)
      this.#missing.add(what)
      return otherwise()
    }
  }
}
