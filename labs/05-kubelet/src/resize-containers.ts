/**
 * A pod whose containers were given other amounts of cpu and memory while they run (`kubectl patch --subresource resize`).
 *
 * What they have is read from the runtime and compared with what the pod says, as everything here is: nothing needs to be
 * remembered, and a kubelet that was down meanwhile finds the same difference.
 *
 * Source: KEP-1287; kubernetes `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (computePodResizeAction),
 * `pkg/kubelet/kubelet.go` (handlePodResourcesResize), `pkg/kubelet/kubelet_pods.go` (convertContainerStatusResources).
 */
import type { ContainerStatus as ApiContainerStatus, Container, Pod, PodStatus, Stored } from '#kit/api/objects.ts'
import { formatQuantity } from '#kit/api/quantity.ts'
import type { LinuxContainerResources } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import { linuxResources } from './container-config.ts'
import type { ContainerToKill, PodActions } from './pod-actions.ts'
import { eventSubject } from './pod-containers.ts'
import type { ResizeVerdict } from './resize-verdict.ts'
import { latestContainer, type RuntimePodStatus } from './runtime-pod-status.ts'
import type { SyncParts } from './sync-parts.ts'

export interface Resize {
  readonly container: Container
  readonly id: string
  readonly wanted: LinuxContainerResources
  readonly restart: boolean
}

/** The containers that run with other resources than the pod says. */
export function pendingResizes(pod: Pod, status: RuntimePodStatus): Resize[] {
  return (pod.spec?.containers ?? []).flatMap((container) => {
    const running = latestContainer(status, container.name)
    if (running?.state !== 'CONTAINER_RUNNING' || !running.resources) return []
    const wanted = linuxResources(container.resources)
    const changed = changedResources(running.resources, wanted)
    if (changed.length === 0) return []
    const policies = container.resizePolicy ?? []
    const restart = policies.some(
      ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && changed.includes(resourceName),
    )
    return [{ container, id: running.id, wanted, restart }]
  })
}

function changedResources(has: LinuxContainerResources, wanted: LinuxContainerResources): string[] {
  const isCpuChanged = has.cpuShares !== wanted.cpuShares || has.cpuQuotaUs !== wanted.cpuQuotaUs
  return [...(isCpuChanged ? ['cpu'] : []), ...(has.memoryLimitBytes !== wanted.memoryLimitBytes ? ['memory'] : [])]
}

export interface DueResizes {
  /** Those that can be done now. */
  readonly due: readonly Resize[]
  /** Some may be possible later. */
  readonly deferred: boolean
}

/** All of a pod's resizes or none. */
export function dueResizes(pod: Pod, status: RuntimePodStatus, judge: (pod: Pod) => ResizeVerdict): DueResizes {
  const pending = pendingResizes(pod, status)
  const verdict = pending.length > 0 ? judge(pod) : 'Fits'
  return { due: verdict === 'Fits' ? pending : [], deferred: verdict === 'Deferred' }
}

/** With the containers that have to be started anew to get what they should have. */
export function withRestartsToResize(actions: PodActions, resizes: readonly Resize[]): PodActions {
  if (actions.killPod || actions.createSandbox) return actions
  const due = resizes.filter(({ id, restart }) => restart && !actions.containersToKill.some((one) => one.id === id))
  const kill = due.map(({ id, container: { name } }): ContainerToKill => {
    return { id, name, message: `Container ${name} resize requires restart` }
  })
  return {
    ...actions,
    containersToKill: [...actions.containersToKill, ...kill],
    containersToStart: [...actions.containersToStart, ...due.map(({ container }) => container.name)],
  }
}

/** What is refused now, for lack of room or by the runtime, may be possible later. */
const RETRY_MS = 10_000

/** Tells the runtime. What it refuses, such as less memory than is in use, is tried again: returns when to look. */
export async function applyResizes(
  { runtime, recorder, log }: Pick<SyncParts, 'runtime' | 'recorder' | 'log'>,
  pod: Stored<Pod>,
  { due, deferred }: DueResizes,
): Promise<number | undefined> {
  let retryAfterMs = deferred ? RETRY_MS : undefined
  for (const { container, id, wanted, restart } of due) {
    if (restart) continue
    try {
      await runtime.updateContainerResources(id, wanted)
    } catch (error) {
      log.warn(`resize of container ${container.name} of pod ${pod.metadata.name}: ${describeError(error)}`)
      const message = `Error: failed to resize container ${container.name}: ${describeError(error)}`
      recorder.record(eventSubject(pod, container), 'Warning', 'FailedResize', message)
      retryAfterMs = RETRY_MS
    }
  }
  return retryAfterMs
}

/** What the pod's status says of it: nothing, when all have what they should have. */
export function resizeStatus(
  pod: Pod,
  status: RuntimePodStatus,
  judge: (pod: Pod) => ResizeVerdict,
): Pick<PodStatus, 'resize'> {
  if (pendingResizes(pod, status).length === 0) return {}
  const verdict = judge(pod)
  return { resize: verdict === 'Fits' ? 'InProgress' : verdict }
}

/** What a container of a pod with requests or limits really has. */
export function actualResources(
  container: Container,
  has: LinuxContainerResources | undefined,
): Pick<ApiContainerStatus, 'resources'> {
  const { requests, limits } = container.resources ?? {}
  if (!has || (!requests && !limits)) return {}
  const wanted = linuxResources(container.resources)
  const cpuLimit = has.cpuQuotaUs && has.cpuPeriodUs && `${Math.round((has.cpuQuotaUs * 1000) / has.cpuPeriodUs)}m`
  const cpuRequest = has.cpuShares && `${Math.round((has.cpuShares * 1000) / 1024)}m`
  return {
    resources: {
      ...(limits && {
        limits: {
          ...limits,
          ...(limits.cpu && cpuLimit && has.cpuQuotaUs !== wanted.cpuQuotaUs && { cpu: cpuLimit }),
          ...(limits.memory &&
            has.memoryLimitBytes !== wanted.memoryLimitBytes && { memory: memoryText(has.memoryLimitBytes) }),
        },
      }),
      ...(requests && {
        requests: {
          ...requests,
          ...(requests.cpu && cpuRequest && has.cpuShares !== wanted.cpuShares && { cpu: cpuRequest }),
        },
      }),
    },
  }
}

/** "128Mi" */
function memoryText(bytes = 0): string {
  return formatQuantity({ nanos: BigInt(bytes) * 1_000_000_000n, format: 'BinarySI' })
}
