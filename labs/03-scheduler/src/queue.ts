/**
 * Pods that wait for a node, in three places:
 *
 *   active         ready to be tried now; `pop` takes the most important one
 *   back-off       failed a moment ago; becomes active when its pause is over
 *   unschedulable  fitted nowhere; trying again is pointless until something in the cluster changes
 *
 * Guarantees: a pod is in at most one place. A pod that fails again and again never keeps others waiting. A change in the
 * cluster is never lost, even if it comes in the middle of an attempt: the pod is then tried again, instead of waiting for a
 * change that has already been.
 *
 * The queue owns no clock: every call is told the time, so a test decides what time it is.
 *
 * Source: kube-scheduler `pkg/scheduler/backend/queue/scheduling_queue.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { QueuedPod } from '#kit/contracts/scheduling.ts'

const FIRST_BACKOFF_MS = 1_000
const LAST_BACKOFF_MS = 10_000
/** A safety net against changes that nobody reported: nothing stays unschedulable longer than this without a new attempt. */
const LONGEST_UNSCHEDULABLE_MS = 5 * 60_000

/**
 * The pause after the nth failed attempt: 1 s after the first, twice as long after each further one, never above 10 s.
 *
 * @param attempts at least 1
 *
 * @lab 3.1 Double the pause after every failure, up to a limit
 */
export function backoffMs(attempts: number): number {
  throw new NotImplemented(
    '3.1',
    'backoffMs',
    'Double the pause after every failure, up to a limit',
    'labs/03-scheduler/src/queue.ts',
  )
}

/** Whether `a` is to be tried before `b`: the higher priority first, among equals the one that has waited longer. */
export function goesBefore(a: QueuedPod, b: QueuedPod): boolean {
  const priority = (queued: QueuedPod) => queued.pod.spec?.priority ?? 0
  if (priority(a) !== priority(b)) return priority(a) > priority(b)
  return a.sinceMs < b.sinceMs
}

export class SchedulingQueue {
  /** By pod key (`objectKey(pod)`), in order of arrival. */
  readonly #active = new Map<string, QueuedPod>()
  readonly #backoff = new Map<string, QueuedPod>()
  readonly #unschedulable = new Map<string, QueuedPod>()
  /** How often `moveAll` was called. */
  #moves = 0

  /**
   * A pod without a node was seen: it is new, or it has changed. An unknown pod becomes active, and waits from now on. A known
   * one stays where it is with its new content; what the queue remembers of it (attempts, since when) stays too. Except: an
   * unschedulable pod whose spec or labels changed gets another chance (see `moveAll`).
   *
   * @lab 3.1 Take in new and changed pods
   */
  add(pod: Pod, nowMs: number): void {
    throw new NotImplemented(
      '3.1',
      'SchedulingQueue.add',
      'Take in new and changed pods',
      'labs/03-scheduler/src/queue.ts',
    )
  }

  /** The pod is gone, or has a node. */
  remove(key: string): void {
    this.#active.delete(key)
    this.#backoff.delete(key)
    this.#unschedulable.delete(key)
  }

  /**
   * Takes out the active pod that goes before all others (`goesBefore`; among equals the first that came), with this attempt
   * counted and the number of moves noted. Undefined when none is active. Pods whose pause ends now count as active, and so do
   * those that have been unschedulable for five minutes.
   *
   * @lab 3.1 Choose the next pod to try
   */
  pop(nowMs: number): QueuedPod | undefined {
    throw new NotImplemented(
      '3.1',
      'SchedulingQueue.pop',
      'Choose the next pod to try',
      'labs/03-scheduler/src/queue.ts',
    )
  }

  /**
   * Takes back a pod whose attempt failed at `nowMs`. After an `error` (the API server refused, the connection broke) it backs
   * off and is tried again. A pod that fitted nowhere is unschedulable, unless `moveAll` was called since it was popped: then it
   * backs off, because the attempt may not have seen that change. Its pause counts from now on: `sinceMs` becomes `nowMs`.
   *
   * @lab 3.1 Decide where a failed pod waits
   */
  retryLater(failed: QueuedPod, nowMs: number, why: 'unschedulable' | 'error'): void {
    throw new NotImplemented(
      '3.1',
      'SchedulingQueue.retryLater',
      'Decide where a failed pod waits',
      'labs/03-scheduler/src/queue.ts',
    )
  }

  /**
   * Something changed in the cluster that may help: every unschedulable pod gets another chance. It becomes active, or, if its
   * pause is not over yet, backs off for the rest of it.
   *
   * @lab 3.1 Let a change in the cluster wake the pods that fitted nowhere
   */
  moveAll(nowMs: number): void {
    throw new NotImplemented(
      '3.1',
      'SchedulingQueue.moveAll',
      'Let a change in the cluster wake the pods that fitted nowhere',
      'labs/03-scheduler/src/queue.ts',
    )
  }

  /** When `pop` may find more than now without any further call: the loop sets its timer by it. Undefined: never. */
  nextDueMs(): number | undefined {
    const due = [
      ...[...this.#backoff.values()].map(pauseEndMs),
      ...[...this.#unschedulable.values()].map(({ sinceMs }) => sinceMs + LONGEST_UNSCHEDULABLE_MS),
    ]
    return due.length === 0 ? undefined : due.reduce((a, b) => Math.min(a, b))
  }

  /** How many pods wait in each place. */
  sizes(): { active: number; backoff: number; unschedulable: number } {
    return { active: this.#active.size, backoff: this.#backoff.size, unschedulable: this.#unschedulable.size }
  }
}

/** When the pause after the last failure ends. */
function pauseEndMs({ sinceMs, attempts }: QueuedPod): number {
  return sinceMs + backoffMs(attempts)
}

/** What of a pod bears on where it may run; its status does not, and the scheduler's own status patches must not wake it. */
function wishesOf({ spec, metadata }: Pod): string {
  return JSON.stringify([spec, metadata?.labels])
}
