/**
 * The last word about a pod that was stopped: no container may be left "waiting" in a status that is final, since whoever
 * reads it (a Job, for instance) must know whether the pod failed.
 *
 * Source: kubernetes `pkg/kubelet/status/status_manager.go` (TerminatePod).
 */
import { NO_TIME } from '#kit/api/no-time.ts'
import type { ContainerStatus } from '#kit/api/objects.ts'

/**
 * Ends every container that still waits: one that ran before shows how that run ended, as its `state`, and an empty
 * `lastState`; one that never ran was lost: exit code 137, reason `ContainerStatusUnknown`, message `The container could
 * not be located when the pod was terminated`, both times null. None of them is ready or started any more.
 *
 * @lab 5.7 Give every container a last state
 */
export function settleStatuses(statuses: readonly ContainerStatus[]): ContainerStatus[] {
  return statuses.map((status) => {
    if (!status.state?.waiting) return status
    const terminated = status.lastState?.terminated ?? {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
      startedAt: NO_TIME,
      finishedAt: NO_TIME,
    }
    return { ...status, state: { terminated }, lastState: {}, ready: false, started: false }
  })
}
