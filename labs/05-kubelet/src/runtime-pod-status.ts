/**
 * What the runtime knows about one pod: the kubelet's view of the world as it is, beside the API's view of the world as it
 * should be. Everything that decides (what to start, what to report) reads both, and nothing else.
 *
 * Source: kubernetes `pkg/kubelet/container/runtime.go` (PodStatus).
 */
import type { ContainerStatus, PodSandbox, RuntimeService } from '#kit/contracts/cri.ts'

/** Both lists newest first. */
export interface RuntimePodStatus {
  readonly sandboxes: readonly PodSandbox[]
  /** Every container that was ever started and not yet cleaned away: init containers and earlier attempts too. */
  readonly containers: readonly ContainerStatus[]
}

export const nothingRunning: RuntimePodStatus = { sandboxes: [], containers: [] }

/** The newest attempt of the container with that name. */
export function latestContainer(status: RuntimePodStatus, name: string): ContainerStatus | undefined {
  return status.containers.find((container) => container.metadata.name === name)
}

/** All attempts of the container with that name, newest first. */
export function attemptsOf(status: RuntimePodStatus, name: string): readonly ContainerStatus[] {
  return status.containers.filter((container) => container.metadata.name === name)
}

/** Asks the runtime. Containers that vanish while we ask are left out. */
export async function readPodStatus(runtime: RuntimeService, podUid: string): Promise<RuntimePodStatus> {
  const [sandboxes, containers] = await Promise.all([
    runtime.listPodSandbox({ podUid }),
    runtime.listContainers({ podUid }),
  ])
  // A list entry lacks a sandbox's address and a container's exit code; a closer look has them.
  const [closerSandboxes, closerContainers] = await Promise.all([
    Promise.all(sandboxes.map(({ id }) => runtime.podSandboxStatus(id))),
    Promise.all(containers.map(({ id }) => runtime.containerStatus(id))),
  ])
  return {
    sandboxes: closerSandboxes.filter((sandbox) => sandbox !== undefined).sort(newestFirst),
    containers: closerContainers.filter((container) => container !== undefined).sort(newestFirst),
  }
}

/** Attempts count up; the clock only decides between different containers. */
function newestFirst(a: PodSandbox | ContainerStatus, b: PodSandbox | ContainerStatus): number {
  return b.metadata.attempt - a.metadata.attempt || b.createdAtMs - a.createdAtMs
}
