/**
 * The given loop around Workqueue: takes keys, looks, performs, and puts keys back that failed.
 *
 * Guarantees: never two looks at one key at once; a look that throws is repeated after the rate limiter's delay;
 * Conflict and AlreadyExists are everyday answers (the copy was behind) and not worth a log line; a part that is not
 * written yet is named once in the log.
 */
import { hasReason } from '#kit/api/status-error.ts'
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { Workqueue } from './workqueue.ts'

/** Keys looked at side by side. Upstream: `--concurrent-deployment-syncs` and its like, default 5. */
const WORKERS = 5
/** Timers cannot wait longer than 2^31 - 1 ms; a wait of years is taken up again after that. */
const LONGEST_TIMER_MS = 2_147_483_647

export interface ControlLoop {
  /** Asks for a look at this key. */
  enqueue(key: string): void
  enqueueAfter(key: string, delayMs: number): void
  /** Starts taking keys; those added before have waited. */
  start(): void
  /** Takes no more keys and resolves when the looks under way are over. */
  stop(): Promise<void>
}

export interface ControlLoopOptions {
  /** For the log: "deployment". */
  readonly name: string
  /** Looks at one key. Returns the milliseconds until it wants to look again, or undefined. */
  readonly reconcile: (key: string) => Promise<number | undefined>
  readonly clock: Clock
  readonly log: Log
}

export function createControlLoop({ name, reconcile, clock, log }: ControlLoopOptions): ControlLoop {
  const queue = new Workqueue()
  const inFlight = new Set<Promise<void>>()
  const unwritten = new Set<string>()
  let state: 'waiting' | 'running' | 'stopped' = 'waiting'
  let timer: Timer | undefined

  /** Runs a piece of the loop; a stub inside it is reported once and does not end the process. */
  function guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      report('the queue', error)
    }
  }

  function report(key: string, error: unknown): void {
    const message = describeError(error)
    if (isNotImplemented(error)) {
      if (unwritten.has(message)) return
      unwritten.add(message)
      log.error(`${name} controller`, error)
    } else if (!hasReason(error, 'Conflict', 'AlreadyExists'))
      log.warn(`${name} controller: ${key}: ${message}; will try again`)
  }

  function pump(): void {
    while (state === 'running' && inFlight.size < WORKERS) {
      const key = queue.take(clock.now())
      if (key === undefined) break
      const look = process(key).finally(() => {
        inFlight.delete(look)
        guard(pump)
      })
      inFlight.add(look)
    }
    timer?.cancel()
    const dueMs = queue.nextDueMs()
    if (state === 'running' && dueMs !== undefined) {
      const waitMs = Math.min(Math.max(0, dueMs - clock.now()), LONGEST_TIMER_MS)
      timer = clock.setTimer(waitMs, () => guard(pump))
    }
  }

  async function process(key: string): Promise<void> {
    try {
      const againAfterMs = await reconcile(key)
      queue.forget(key)
      if (againAfterMs !== undefined) queue.addAfter(key, clock.now(), againAfterMs)
    } catch (error) {
      report(key, error)
      // Trying a stub again would not help; the next change of the object asks again anyway.
      if (!isNotImplemented(error)) guard(() => queue.addRateLimited(key, clock.now()))
    } finally {
      guard(() => queue.done(key))
    }
  }

  return {
    enqueue: (key) =>
      guard(() => {
        queue.add(key)
        pump()
      }),
    enqueueAfter: (key, delayMs) =>
      guard(() => {
        queue.addAfter(key, clock.now(), delayMs)
        pump()
      }),
    start() {
      if (state !== 'waiting') return
      state = 'running'
      guard(pump)
    },
    async stop() {
      state = 'stopped'
      timer?.cancel()
      await Promise.allSettled(inFlight)
    },
  }
}
