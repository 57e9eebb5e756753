/**
 * What must be done so that a pod runs as its spec says: compares the pod with what the runtime has, and lists actions.
 *
 * This is the heart of `syncPod`, and it is level-triggered: it never asks what happened, only what is. Called twice in a
 * row with nothing changed it answers the same; called when all is well it answers "nothing". That is why a kubelet that
 * was restarted, or that missed ten events, goes on as if nothing had been.
 *
 * Source: kubernetes `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (computePodActions, podSandboxChanged).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { RuntimePodStatus } from './runtime-pod-status.ts'

export interface ContainerToKill {
  readonly id: string
  readonly name: string
  /** For the event: `Container main definition changed, will be restarted`. */
  readonly message: string
}

export interface PodActions {
  /** Stop everything that is there, sandbox included, before anything else. */
  readonly killPod: boolean
  readonly createSandbox: boolean
  /** For the sandbox to create. */
  readonly attempt: number
  /** The sandbox to put containers into, unless one is created. */
  readonly sandboxId: string | undefined
  readonly containersToKill: readonly ContainerToKill[]
  /** Names; an init container comes alone. */
  readonly containersToStart: readonly string[]
}

/** Health checks that failed for good: container ids. */
export interface FailedProbes {
  readonly liveness: readonly string[]
  readonly startup: readonly string[]
}

export const noFailedProbes: FailedProbes = { liveness: [], startup: [] }

/**
 * Whether the pod needs another sandbox, and which attempt that would be.
 *
 * The pod's sandbox is the newest one. Another is needed when there is none (attempt 0), when the newest is not ready, or
 * when more than one is ready, because then containers are spread over two networks (attempt: the newest one's plus one).
 *
 * @lab 5.2 Decide whether the pod needs a new sandbox
 */
export function sandboxToCreate(status: RuntimePodStatus): { create: boolean; attempt: number; sandboxId?: string } {
  throw new NotImplemented(
    '5.2',
    'sandboxToCreate',
    'Decide whether the pod needs a new sandbox',
    'labs/05-kubelet/src/pod-actions.ts',
  )
}

export type InitProgress =
  | { readonly kind: 'done' }
  | { readonly kind: 'start'; readonly name: string }
  /** One runs. */
  | { readonly kind: 'wait' }
  /** One failed, and the restart policy is Never: the pod has failed. */
  | { readonly kind: 'failed' }

/**
 * How far the init containers are. They run one after the other, in the spec's order, each until it exits with 0.
 *
 * - Only what was made in the pod's sandbox (the newest one, see `podSandboxId`) counts: a new sandbox begins from the top.
 * - Done when any app container was ever made there (init containers may have been cleaned away since), when the last one
 *   has succeeded, or when there are none. A success also vouches for those before it, if they were cleaned away.
 * - One that was made but never started is started. A failed one runs again, unless the restart policy is `Never`.
 *
 * @lab 5.2 Find the next init container
 */
export function initProgress(pod: Pod, status: RuntimePodStatus): InitProgress {
  throw new NotImplemented('5.2', 'initProgress', 'Find the next init container', 'labs/05-kubelet/src/pod-actions.ts')
}

/**
 * What to do for this pod now. The order in which the caller does it: kill, create the sandbox, start.
 *
 * - A new sandbox is needed: kill the pod (what is left of it), create the sandbox, and start the first init container, or
 *   without init containers all app containers. Not started again: those that succeeded under `OnFailure`. Under `Never`,
 *   a pod whose containers were already made once gets no second sandbox at all: it is killed and that is it. Without
 *   anything to start there is no sandbox to create either.
 * - Init containers are not done: start the next, or nothing while one runs; when one failed for good, kill the pod.
 * - Otherwise each app container: start it if `shouldRestart`; if it runs but its definition changed, or a probe gave it
 *   up, kill it and start it again (after a failed probe only if the restart policy allows; a changed definition always).
 * - When no app container runs and none is to start, the pod is over: kill it, so that its sandbox goes.
 *
 * @lab 5.2 Compute what must be done for a pod
 */
export function computePodActions(
  pod: Pod,
  status: RuntimePodStatus,
  failedProbes: FailedProbes = noFailedProbes,
): PodActions {
  throw new NotImplemented(
    '5.2',
    'computePodActions',
    'Compute what must be done for a pod',
    'labs/05-kubelet/src/pod-actions.ts',
  )
}
