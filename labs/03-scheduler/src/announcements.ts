/**
 * What the scheduler writes about its decisions, as request bodies: the binding, an Event for people, a condition for programs.
 *
 * Source: kube-scheduler `plugins/defaultbinder`, `schedule_one.go` (handleSchedulingFailure), client-go `tools/events`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Binding, Event, Pod, PodCondition } from '#kit/api/objects.ts'

/** The name that pods ask for with `spec.schedulerName`, and under which the scheduler reports. */
export const SCHEDULER_NAME = 'default-scheduler'

/**
 * The body of POST `pods/<name>/binding`. It carries the pod's uid, so that it cannot bind a later pod of the same name.
 *
 * @lab 3.7 Write the binding
 */
export function bindingOf(pod: Pod, nodeName: string): Binding {
  throw new NotImplemented('3.7', 'bindingOf', 'Write the binding', 'labs/03-scheduler/src/announcements.ts')
}

/**
 * The condition that a pod without a node gets: `PodScheduled` is `False`. The reason is `Unschedulable` when no node fitted, and
 * `SchedulerError` when something went wrong.
 *
 * @lab 3.7 Write the condition
 */
export function notScheduled(reason: 'Unschedulable' | 'SchedulerError', message: string): PodCondition {
  throw new NotImplemented('3.7', 'notScheduled', 'Write the condition', 'labs/03-scheduler/src/announcements.ts')
}

/** What an Event of the scheduler says. */
export interface Announcement {
  readonly type: 'Normal' | 'Warning'
  readonly reason: 'Scheduled' | 'FailedScheduling'
  /** What the scheduler was doing. */
  readonly action: 'Binding' | 'Scheduling'
  readonly note: string
}

/**
 * A success: `Normal`, `Scheduled`, `Binding`, "Successfully assigned <namespace>/<name> to <node>".
 *
 * @lab 3.7 Tell of a success
 */
export function scheduledAnnouncement(pod: Pod, nodeName: string): Announcement {
  throw new NotImplemented(
    '3.7',
    'scheduledAnnouncement',
    'Tell of a success',
    'labs/03-scheduler/src/announcements.ts',
  )
}

/**
 * A failure: `Warning`, `FailedScheduling`, `Scheduling`, and the message. The API server takes no note above 1024 bytes; a longer
 * one is cut to that, the last three bytes being "...".
 *
 * @lab 3.7 Tell of a failure
 */
export function failedAnnouncement(message: string): Announcement {
  throw new NotImplemented('3.7', 'failedAnnouncement', 'Tell of a failure', 'labs/03-scheduler/src/announcements.ts')
}

/** The announcement as an Event object about the pod. */
export function eventOf(pod: Pod, said: Announcement, nowMs: number): Event {
  const { namespace = 'default', name = '', uid, resourceVersion } = pod.metadata ?? {}
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace, name: `${name}.${(nowMs * 1_000_000).toString(16)}` },
    eventTime: microTime(nowMs),
    reportingController: SCHEDULER_NAME,
    reportingInstance: SCHEDULER_NAME,
    regarding: {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace,
      name,
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
    },
    ...said,
  }
}

/** "2026-01-01T00:00:00.000000Z": Events carry microseconds. */
export function microTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z')
}
