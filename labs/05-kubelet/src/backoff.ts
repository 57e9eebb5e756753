import { NotImplemented } from '#kit/contracts/not-implemented.ts'

/**
 * Patience with a container that keeps crashing (and with an image that cannot be pulled): the first restart is immediate,
 * then the pauses double from 10 seconds to 5 minutes. Whoever then runs for 10 minutes is forgiven.
 *
 * Time comes in with every call, so a test needs no clock to live through an hour of crashes.
 *
 * Source: client-go `util/flowcontrol/backoff.go`; kubernetes `pkg/kubelet/kuberuntime` (doBackOff),
 * `pkg/kubelet/kubelet.go` (MaxContainerBackOff, backOffPeriod).
 */
export const FIRST_BACKOFF_MS = 10_000
export const MAX_BACKOFF_MS = 300_000
/** So long without a restart, and the next crash counts as the first. Twice the longest pause, as upstream. */
export const FORGIVEN_AFTER_MS = 2 * MAX_BACKOFF_MS

interface Entry {
  pauseMs: number
  /** When `next` was last called. */
  updatedMs: number
}

export class Backoff {
  readonly #entries = new Map<string, Entry>()

  /** The current pause for this key; 0 if it has not failed yet. */
  pauseMs(key: string): number {
    return this.#entries.get(key)?.pauseMs ?? 0
  }

  /**
   * How long to wait still, in milliseconds; 0 means: go. The pause counts from `sinceMs`, the moment of the failure. A key
   * that never failed does not wait, and neither does one that is forgiven: `sinceMs` lies more than `FORGIVEN_AFTER_MS`
   * after the last call of `next`.
   *
   * @lab 5.4 Say how long to wait still
   */
  remainingMs(key: string, sinceMs: number, nowMs: number): number {
    throw new NotImplemented(
      '5.4',
      'Backoff.remainingMs',
      'Say how long to wait still',
      'labs/05-kubelet/src/backoff.ts',
    )
  }

  /**
   * Another try begins at `nowMs`, after the failure at `sinceMs`: sets the pause before the one after it. 10 seconds for a
   * new key and one that is forgiven (by the rule of `remainingMs`), else twice the last, at most 5 minutes.
   *
   * @lab 5.4 Double the pause
   */
  next(key: string, sinceMs: number, nowMs: number): void {
    throw new NotImplemented('5.4', 'Backoff.next', 'Double the pause', 'labs/05-kubelet/src/backoff.ts')
  }

  /** Forgets all keys that begin so: the pod is gone. */
  forget(prefix: string): void {
    for (const key of [...this.#entries.keys()]) if (key.startsWith(prefix)) this.#entries.delete(key)
  }
}

export type StartDecision =
  | { readonly start: true }
  | {
      readonly start: false
      readonly reason: 'CrashLoopBackOff'
      /** `back-off 10s restarting failed container=main pod=web_default(<uid>)` */
      readonly message: string
      /** When to ask again, in milliseconds from now. */
      readonly retryAfterMs: number
    }

/** Which container, of which pod. */
export interface ContainerIdentity {
  readonly podName: string
  readonly podNamespace: string
  readonly podUid: string
  readonly containerName: string
  /** Fingerprint of the spec: a container with a new image starts with a clean slate. */
  readonly containerHash: string
}

/**
 * Whether a container may start now. One that never ran (`lastFinishedMs` undefined) may; it is no restart, and the
 * back-off takes no notice. One that ended waits out its pause, counted from its end; if it may start, the next pause is
 * set. The key in the back-off is `<pod uid>/<container name>/<hash>`.
 *
 * @lab 5.4 Start now, or later
 */
export function decideStart(
  backoff: Backoff,
  { podName, podNamespace, podUid, containerName, containerHash }: ContainerIdentity,
  lastFinishedMs: number | undefined,
  nowMs: number,
): StartDecision {
  throw new NotImplemented('5.4', 'decideStart', 'Start now, or later', 'labs/05-kubelet/src/backoff.ts')
}

/** As Go prints durations: "10s", "1m20s", "5m0s". */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
