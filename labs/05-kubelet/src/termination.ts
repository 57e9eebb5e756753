/**
 * Stopping a pod without pulling the rug from under it: SIGTERM first, some time to finish, SIGKILL only then.
 *
 * The order is a promise to everyone else: a pod's object goes only when nothing of the pod runs any more. A StatefulSet
 * rests on it, which must not have two pods of the same name write to the same disk.
 *
 * Source: kubernetes `pkg/kubelet/kubelet.go` (syncTerminatingPod), `pkg/kubelet/kuberuntime/kuberuntime_container.go`
 * (killContainer).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { RuntimePodStatus } from './runtime-pod-status.ts'

export const DEFAULT_GRACE_SECONDS = 30
/** Nobody gets less than this, however long the preStop hook took. */
export const MINIMUM_GRACE_AFTER_HOOK_SECONDS = 2
/** Even a pod deleted by force gets a SIGTERM and this long. */
export const MINIMUM_GRACE_SECONDS = 1

/**
 * How long the pod's processes have between SIGTERM and SIGKILL. A pod that is being deleted: the deletion's
 * `deletionGracePeriodSeconds`, which may be shorter than the spec's. Otherwise `terminationGracePeriodSeconds` of the
 * spec, or the default. Never less than `MINIMUM_GRACE_SECONDS`.
 *
 * @lab 5.7 Find the grace period
 */
export function gracePeriodSeconds(pod: Pod): number {
  throw new NotImplemented('5.7', 'gracePeriodSeconds', 'Find the grace period', 'labs/05-kubelet/src/termination.ts')
}

/**
 * What is left of the grace period after a preStop hook that took so long, in whole seconds: the hook's time counts, but
 * `MINIMUM_GRACE_AFTER_HOOK_SECONDS` remain in any case.
 *
 * @lab 5.7 Count the hook's time
 */
export function graceAfterHook(graceSeconds: number, hookMs: number): number {
  throw new NotImplemented('5.7', 'graceAfterHook', "Count the hook's time", 'labs/05-kubelet/src/termination.ts')
}

export interface TerminationPlan {
  /** Those that run, all to be stopped at the same time: the grace period is the pod's, not each container's. */
  readonly containers: readonly { readonly id: string; readonly name: string; readonly timeoutSeconds: number }[]
  /** Those that are ready; to be stopped once all containers have. */
  readonly sandboxes: readonly string[]
}

/**
 * What to stop, and how long to wait for it.
 *
 * @lab 5.7 Plan the stop
 */
export function planTermination(pod: Pod, status: RuntimePodStatus): TerminationPlan {
  throw new NotImplemented('5.7', 'planTermination', 'Plan the stop', 'labs/05-kubelet/src/termination.ts')
}

/**
 * Whether the pod's object may go from the API server: it is being deleted, no container of it runs, and no sandbox is
 * ready. (A container that was made but never started does not run.)
 *
 * @lab 5.7 Say when the object may go
 */
export function mayBeDeleted(pod: Pod, status: RuntimePodStatus): boolean {
  throw new NotImplemented('5.7', 'mayBeDeleted', 'Say when the object may go', 'labs/05-kubelet/src/termination.ts')
}
