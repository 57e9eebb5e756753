/**
 * What the pod's status says about each container: what it does now (`state`), how its previous run ended (`lastState`),
 * how often it was restarted, and whether it is ready for traffic.
 *
 * A container is in exactly one of three states. `waiting` is the one with the reasons that users meet first:
 * `ContainerCreating`, `ErrImagePull`, `CrashLoopBackOff`.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_pods.go` (convertToAPIContainerStatuses).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ContainerStatus as ApiContainerStatus, Container, ContainerState, Pod } from '#kit/api/objects.ts'
import type { ContainerStatus } from '#kit/contracts/cri.ts'
import type { RuntimePodStatus } from '../runtime-pod-status.ts'

/** Why a container could not be started the last time that it was tried. */
export interface WaitingReason {
  /** `CrashLoopBackOff`, `ErrImagePull`, `ImagePullBackOff`, `CreateContainerConfigError`, … */
  readonly reason: string
  readonly message: string
}

/** What the probes last said about a container. Absent means that there is no such probe. */
export interface ProbeVerdict {
  readonly ready?: boolean
  readonly started?: boolean
}

export interface ContainerStatusInput {
  readonly pod: Pod
  readonly runtime: RuntimePodStatus
  /** By container name. */
  readonly waiting: Readonly<Record<string, WaitingReason>>
  /** By container id. */
  readonly probes: Readonly<Record<string, ProbeVerdict>>
  /** "docker": `containerID` reads "docker://<id>". */
  readonly runtimeName: string
}

/**
 * The state of one attempt: `running` with `startedAt`; `terminated` with exit code, reason, both times, `containerID`, and
 * the message if there is one; `waiting` with this reason while it is created but not started, or not there at all.
 *
 * @lab 5.6 Turn a runtime state into an API state
 */
export function apiState(
  attempt: ContainerStatus | undefined,
  waitingReason: string,
  runtimeName: string,
): ContainerState {
  throw new NotImplemented(
    '5.6',
    'apiState',
    'Turn a runtime state into an API state',
    'labs/05-kubelet/src/status/container-statuses.ts',
  )
}

/**
 * The status of one app container.
 *
 * - `state` is that of the newest attempt, `lastState` that of the one before it, if that one has ended; else `{}`.
 *   Waiting containers say `ContainerCreating`, or `PodInitializing` in a pod with init containers.
 * - If the last try to start it failed (`waiting` has its name) and it should run, then `state` is that waiting reason, and
 *   `lastState` how the newest attempt ended, if it ever ran.
 * - `restartCount` is the newest attempt's number, `started` whether it runs and its startup probe, if any, has succeeded,
 *   `ready` whether it is started and its readiness probe, if any, succeeds.
 * - `image`, `imageID` and `containerID` (`docker://…`) come from the runtime; before the first attempt: the spec's image,
 *   an empty id, and no container id.
 *
 * @lab 5.6 Fill in a container's status
 */
export function containerStatus(container: Container, input: ContainerStatusInput): ApiContainerStatus {
  throw new NotImplemented(
    '5.6',
    'containerStatus',
    "Fill in a container's status",
    'labs/05-kubelet/src/status/container-statuses.ts',
  )
}

/**
 * The status of one init container: as of an app container, except that it is `ready` when it has succeeded (its newest
 * attempt ended with exit code 0), that it always waits for `PodInitializing`, and that `started` means just "runs".
 *
 * @lab 5.6 Fill in an init container's status
 */
export function initContainerStatus(container: Container, input: ContainerStatusInput): ApiContainerStatus {
  throw new NotImplemented(
    '5.6',
    'initContainerStatus',
    "Fill in an init container's status",
    'labs/05-kubelet/src/status/container-statuses.ts',
  )
}

/** In the spec's order. */
export function containerStatuses(input: ContainerStatusInput): {
  containers: ApiContainerStatus[]
  initContainers: ApiContainerStatus[]
} {
  const { containers = [], initContainers = [] } = input.pod.spec ?? {}
  return {
    containers: containers.map((container) => containerStatus(container, input)),
    initContainers: initContainers.map((container) => initContainerStatus(container, input)),
  }
}

/** Upstream reports app containers by name; init containers keep the spec's order, in which they run. */
export function byName(statuses: readonly ApiContainerStatus[]): ApiContainerStatus[] {
  return [...statuses].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function imageId({ imageRef }: ContainerStatus, runtimeName: string): string {
  return imageRef === '' ? '' : `${runtimeName}://${imageRef}`
}
