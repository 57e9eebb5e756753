/**
 * How long a failed key waits before the next try: the later of two opinions.
 *
 * - Per key: 5 ms, doubling with each failure in a row up to 1000 s. One broken object does not keep the others
 *   waiting.
 * - Overall: a bucket of 100 tokens that refills at 10 per second. Thousands of failures at once do not become a storm.
 *
 * Source: client-go `util/workqueue/default_rate_limiters.go` (DefaultTypedControllerRateLimiter),
 * golang.org/x/time/rate.
 */
const FIRST_DELAY_MS = 5
const LONGEST_DELAY_MS = 1_000_000
const BUCKET_SIZE = 100
const REFILL_PER_SECOND = 10

export class TokenBucket {
  /** Tokens in the bucket; negative when that many have been promised ahead of time. */
  #tokens = BUCKET_SIZE
  /** When `#tokens` was right, in milliseconds; undefined before the first use. */
  #countedAtMs: number | undefined

  /**
   * Takes one token and returns the milliseconds until it exists: 0 while the bucket has some, then 100, 200, … as each
   * taker queues behind the one before. Time refills the bucket, never above its size.
   *
   * @lab 4.2 Take a token, if need be from the future
   */
  reserveMs(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - (this.#countedAtMs ?? nowMs))
    this.#countedAtMs = nowMs
    this.#tokens = Math.min(BUCKET_SIZE, this.#tokens + (elapsedMs / 1000) * REFILL_PER_SECOND) - 1
    return this.#tokens >= 0 ? 0 : (-this.#tokens / REFILL_PER_SECOND) * 1000
  }
}

export class RateLimiter {
  /** Failures in a row. */
  readonly #failures = new Map<string, number>()
  readonly #bucket = new TokenBucket()

  /**
   * Counts one more failure of this key and returns the delay in milliseconds until its next try: the later of the
   * key's own delay and the bucket's.
   *
   * @lab 4.2 Wait longer after each failure
   */
  delayMs(key: string, nowMs: number): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const ownMs = Math.min(FIRST_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS)
    return Math.max(ownMs, this.#bucket.reserveMs(nowMs))
  }

  /** The key succeeded: its failures no longer count. The bucket stays as it is. */
  forget(key: string): void {
    this.#failures.delete(key)
  }
}
