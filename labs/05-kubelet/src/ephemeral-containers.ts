/**
 * Ephemeral containers: what `kubectl debug` puts into a pod that already runs, to look around in it.
 *
 * They are not part of what the pod is for. So each is started once, as soon as there is a sandbox to start it in, and
 * never again, whatever becomes of it; and neither the pod's phase nor its readiness asks how it is.
 *
 * Source: kubernetes `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (computePodActions, SyncPod step 5),
 * `pkg/kubelet/kuberuntime/util/util.go` (NamespacesForPod); KEP-277.
 */
import type { ContainerStatus as ApiContainerStatus, Container, Pod } from '#kit/api/objects.ts'
import type { ContainerConfig } from '#kit/contracts/cri.ts'
import { ContainerConfigError } from './environment.ts'
import type { PodActions } from './pod-actions.ts'
import { latestContainer, type RuntimePodStatus } from './runtime-pod-status.ts'
import { type ContainerStatusInput, containerStatus } from './status/container-statuses.ts'

/** With the ephemeral containers that never had their turn; they come first, and do not wait for init containers. */
export function withEphemeralContainers(actions: PodActions, pod: Pod, status: RuntimePodStatus): PodActions {
  if (actions.killPod || actions.createSandbox) return actions
  const due = (pod.spec?.ephemeralContainers ?? [])
    .map(({ name }) => name)
    .filter((name) => (latestContainer(status, name)?.state ?? 'CONTAINER_CREATED') === 'CONTAINER_CREATED')
  return due.length > 0 ? { ...actions, containersToStart: [...due, ...actions.containersToStart] } : actions
}

/**
 * Whose processes a container sees: the node's, all of the pod's, or, for one that has a target, the target's. Undefined:
 * only its own.
 */
export function processesSeenBy(
  container: Container,
  pod: Pod,
  status: RuntimePodStatus,
): ContainerConfig['processes'] {
  if (pod.spec?.hostPID) return 'node'
  if (pod.spec?.shareProcessNamespace) return 'pod'
  const target = pod.spec?.ephemeralContainers?.find(({ name }) => name === container.name)?.targetContainerName
  if (!target) return undefined
  const running = latestContainer(status, target)
  if (running?.state !== 'CONTAINER_RUNNING') {
    throw new ContainerConfigError(`unable to find target container ${JSON.stringify(target)}`)
  }
  return { container: running.id }
}

/** In the spec's order. Never ready nor started: nothing depends on them. */
export function ephemeralContainerStatuses(input: ContainerStatusInput): ApiContainerStatus[] {
  return (input.pod.spec?.ephemeralContainers ?? []).map((container) => {
    const whatIs = { ...input, waiting: {}, probes: {} }
    const { started: _started, ...status } = containerStatus(container as Container, whatIs)
    return { ...status, ready: false }
  })
}
