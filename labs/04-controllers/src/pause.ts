import type { Clock } from '#kit/contracts/clock.ts'

/** Resolves after `ms`, or at once when the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      timer.cancel()
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = clock.setTimer(ms, wake)
    signal.addEventListener('abort', wake)
    if (signal.aborted) wake()
  })
}
