/**
 * What the scheduler writes about its decisions, as request bodies: the binding, an Event for people, a condition for programs.
 *
 * Source: kube-scheduler `plugins/defaultbinder`, `schedule_one.go` (handleSchedulingFailure), client-go `tools/events`.
 */
import { type Binding, type Event, objectKey, type Pod, type PodCondition } from '#kit/api/objects.ts'

/** The name that pods ask for with `spec.schedulerName`, and under which the scheduler reports. */
export const SCHEDULER_NAME = 'default-scheduler'

/**
 * The body of POST `pods/<name>/binding`. It carries the pod's uid, so that it cannot bind a later pod of the same name.
 *
 * @lab 3.7 Write the binding
 */
export function bindingOf(pod: Pod, nodeName: string): Binding {
  const { namespace, name, uid } = pod.metadata ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { ...(namespace && { namespace }), ...(name && { name }), ...(uid && { uid }) },
    target: { kind: 'Node', name: nodeName },
  }
}

/**
 * The condition that a pod without a node gets: `PodScheduled` is `False`. The reason is `Unschedulable` when no node fitted, and
 * `SchedulerError` when something went wrong.
 *
 * @lab 3.7 Write the condition
 */
export function notScheduled(reason: 'Unschedulable' | 'SchedulerError', message: string): PodCondition {
  return { type: 'PodScheduled', status: 'False', reason, message }
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
  const note = `Successfully assigned ${objectKey(pod)} to ${nodeName}`
  return { type: 'Normal', reason: 'Scheduled', action: 'Binding', note }
}

/**
 * A failure: `Warning`, `FailedScheduling`, `Scheduling`, and the message. The API server takes no note above 1024 bytes; a longer
 * one is cut to that, the last three bytes being "...".
 *
 * @lab 3.7 Tell of a failure
 */
export function failedAnnouncement(message: string): Announcement {
  const bytes = Buffer.from(message)
  const note = bytes.length <= 1024 ? message : `${bytes.subarray(0, 1021).toString()}...`
  return { type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note }
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
