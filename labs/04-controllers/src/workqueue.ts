/**
 * The queue between "something changed" and "look at it": it holds keys, never events, so a thousand changes of one
 * object cost one look.
 *
 * Guarantees:
 * - Fair: keys come out in the order in which they were added.
 * - Stingy: a key that is added many times before it is taken is taken once.
 * - One at a time: a key that is being processed is not handed out again until `done`; added meanwhile, it waits.
 * - Nothing is lost: what was added during processing is processed again.
 *
 * Time comes in as `nowMs` (milliseconds of any clock, always the same one), so the queue needs no timers:
 * control-loop.ts asks `nextDueMs` when to look again.
 *
 * Source: client-go `util/workqueue` (queue.go: the sets `dirty` and `processing`; delaying_queue.go).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import { RateLimiter } from './rate-limiter.ts'

export class Workqueue {
  /** The order in which keys are handed out. Each is in `dirty` and not in `processing`. */
  readonly #queue: string[] = []
  /** Keys that need to be looked at. */
  readonly #dirty = new Set<string>()
  /** Keys that are being looked at now. May be in `dirty` as well: then they are queued again when done. */
  readonly #processing = new Set<string>()
  /** When a key that was added for later becomes due, in milliseconds. */
  readonly #due = new Map<string, number>()
  readonly #rateLimiter = new RateLimiter()

  /**
   * Asks for a look at this key. Nothing happens if a look is already due; if the key is being processed, it is handed
   * out again after `done`. A look that was asked for later (`addAfter`) stays asked for.
   *
   * @lab 4.2 Add a key at most once
   */
  add(key: string): void {
    throw new NotImplemented('4.2', 'Workqueue.add', 'Add a key at most once', 'labs/04-controllers/src/workqueue.ts')
  }

  /**
   * As `add`, but not before `delayMs` have passed. A key that already waits keeps the earlier of the two moments.
   *
   * @lab 4.2 Add a key for later
   */
  addAfter(key: string, nowMs: number, delayMs: number): void {
    throw new NotImplemented('4.2', 'Workqueue.addAfter', 'Add a key for later', 'labs/04-controllers/src/workqueue.ts')
  }

  /** After a failure: as `addAfter`, with the delay that the rate limiter gives. Returns that delay. */
  addRateLimited(key: string, nowMs: number): number {
    const delayMs = this.#rateLimiter.delayMs(key, nowMs)
    this.addAfter(key, nowMs, delayMs)
    return delayMs
  }

  /** After a success: the next failure of this key starts at the shortest delay again. */
  forget(key: string): void {
    this.#rateLimiter.forget(key)
  }

  /**
   * The next key to look at, or undefined if there is none; keys whose time has come count as added, the earliest
   * first. The caller must call `done` when it has looked.
   *
   * @lab 4.2 Hand out the next key
   */
  take(nowMs: number): string | undefined {
    throw new NotImplemented('4.2', 'Workqueue.take', 'Hand out the next key', 'labs/04-controllers/src/workqueue.ts')
  }

  /**
   * The look at this key is over, well or badly. If it was added meanwhile, it is queued now.
   *
   * @lab 4.2 Take a key back
   */
  done(key: string): void {
    throw new NotImplemented('4.2', 'Workqueue.done', 'Take a key back', 'labs/04-controllers/src/workqueue.ts')
  }

  /** When the earliest waiting key becomes due; undefined when none waits. */
  nextDueMs(): number | undefined {
    return this.#due.size === 0 ? undefined : Math.min(...this.#due.values())
  }

  /** Keys that could be taken now; neither those in process nor those that wait for their time. */
  get length(): number {
    return this.#queue.length
  }
}
