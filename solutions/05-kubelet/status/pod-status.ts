/**
 * The whole status of a pod, out of what the runtime says: always computed from scratch, never patched along. Whoever
 * reads it (Services, controllers, people) relies on it saying what is, and not what someone hoped for.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_pods.go` (generateAPIPodStatus).
 */
import type { ContainerStatus, Pod, PodStatus } from '#kit/api/objects.ts'
import { ephemeralContainerStatuses } from '../ephemeral-containers.ts'
import { actualResources, resizeStatus } from '../resize-containers.ts'
import type { ResizeVerdict } from '../resize-verdict.ts'
import { latestContainer } from '../runtime-pod-status.ts'
import { podConditions } from './conditions.ts'
import { byName, type ContainerStatusInput, containerStatuses } from './container-statuses.ts'
import { podPhase } from './phase.ts'
import { qosClass } from './qos.ts'
import { settleStatuses } from './settle.ts'
import { formatTime } from './times.ts'

export interface PodStatusInput extends ContainerStatusInput {
  /** The node's address. */
  readonly hostIp: string
  readonly judgeResize: (pod: Pod) => ResizeVerdict
  readonly nowMs: number
  /** The pod was stopped for good: nothing of it will run again. */
  readonly isTerminal: boolean
}

export function generatePodStatus(input: PodStatusInput): PodStatus {
  const { pod, runtime, hostIp, nowMs, isTerminal } = input
  const statuses = containerStatuses(input)
  if (isTerminal) {
    statuses.containers = settleStatuses(statuses.containers)
    statuses.initContainers = settleStatuses(statuses.initContainers)
  }
  const phase = podPhase(pod, statuses.containers, statuses.initContainers, isTerminal)

  const ephemeral = ephemeralContainerStatuses(input)
  const [sandbox] = runtime.sandboxes
  const podIp = pod.spec?.hostNetwork ? hostIp : (sandbox?.ip ?? pod.status?.podIP)
  const { reason, message } = pod.status ?? {}
  return {
    phase,
    conditions: podConditions(pod, phase, statuses, sandbox?.state === 'SANDBOX_READY', nowMs),
    ...(reason && { reason }),
    ...(message && { message }),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp && { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: pod.status?.startTime ?? formatTime(nowMs),
    ...(statuses.initContainers.length > 0 && { initContainerStatuses: statuses.initContainers }),
    ...resizeStatus(pod, runtime, input.judgeResize),
    containerStatuses: byName(statuses.containers).map((status) => withResources(status, input)),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
  }
}

function withResources(status: ContainerStatus, { pod, runtime }: PodStatusInput): ContainerStatus {
  const container = pod.spec?.containers.find(({ name }) => name === status.name)
  const has = status.state?.running && latestContainer(runtime, status.name)?.resources
  return container ? { ...status, ...actualResources(container, has) } : status
}
