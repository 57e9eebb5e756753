/**
 * What matters to the scheduler, of all that the watches report. Kubelets write the status of nodes and pods again and again; if each
 * of these writes woke every pod that waits, the scheduler would do nothing else.
 *
 * Source: kube-scheduler `pkg/scheduler/eventhandlers.go`, `framework/events.go`.
 */
import type { Node, Pod } from '#kit/api/objects.ts'
import { SCHEDULER_NAME } from './announcements.ts'
import { hasPodAffinity } from './pod-affinity-terms.ts'

/** Whether it matters for this pod where other pods go. */
export function looksAtOtherPods(pod: Pod): boolean {
  return hasPodAffinity(pod) || (pod.spec?.topologySpreadConstraints ?? []).length > 0
}

/** Whether a pod without a node waits for this scheduler. */
export function isForUs({ metadata, spec }: Pod): boolean {
  const gated = ((spec as { schedulingGates?: unknown[] } | undefined)?.schedulingGates ?? []).length > 0
  return (spec?.schedulerName ?? SCHEDULER_NAME) === SCHEDULER_NAME && !gated && !metadata?.deletionTimestamp
}

/** What of a pod with a node bears on others; most of its status does not, which its kubelet writes again and again. */
export function claimOf({ metadata, spec, status }: Pod): string {
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  return JSON.stringify([metadata?.labels, metadata?.deletionTimestamp, spec, ended])
}

/** What of a node bears on what may run there; heartbeats in its status do not. */
export function offerOf({ metadata, spec, status }: Node): string {
  return JSON.stringify([metadata?.labels, spec, status?.allocatable])
}
