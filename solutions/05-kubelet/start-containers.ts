/**
 * Starts a pod's containers: volumes, sandbox, and then for each container back-off, image, environment, create, start.
 *
 * What cannot be done now leaves its reason in the pod's memory, from where it gets into the status (`ErrImagePull`,
 * `CrashLoopBackOff`, …), and says when to try again.
 *
 * Source: kubernetes `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (SyncPod), `kuberuntime_container.go` (startContainer).
 */
import type { Container, Pod, Stored } from '#kit/api/objects.ts'
import type { PodSandboxConfig } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import { decideStart } from './backoff.ts'
import { containerConfig, sandboxConfig } from './container-config.ts'
import { ContainerConfigError, containerEnvironment } from './environment.ts'
import { processesSeenBy } from './ephemeral-containers.ts'
import type { PodActions } from './pod-actions.ts'
import { eventSubject, findContainer } from './pod-containers.ts'
import { containerHash } from './restart-policy.ts'
import { latestContainer, type RuntimePodStatus } from './runtime-pod-status.ts'
import type { WaitingReason } from './status/container-statuses.ts'
import type { PodMemory, SyncParts } from './sync-parts.ts'
import type { VolumeSources } from './volume-files.ts'
import { makeVolumes, mountRetryMs } from './volume-refresh.ts'
import { containerMounts } from './volumes.ts'

/** Starts what is to be started, in the spec's order. Returns when to try again what could not be started. */
export async function startContainers(
  parts: SyncParts,
  pod: Stored<Pod>,
  memory: PodMemory,
  before: RuntimePodStatus,
  actions: PodActions,
): Promise<number | undefined> {
  const { runtime, recorder } = parts
  const { uid } = pod.metadata
  const podIp = pod.spec?.hostNetwork ? undefined : parts.addresses.of(uid, before.sandboxes[0]?.ip)
  const sources = parts.volumeSources(podIp ?? parts.hostIp)
  let volumes: Record<string, string>
  try {
    volumes = await makeVolumes(parts, pod, memory, podIp ?? parts.hostIp)
  } catch {
    return mountRetryMs(memory.mountFailures - 1)
  }

  const config = sandboxConfig(pod, actions.attempt, podIp)
  let sandboxId = actions.sandboxId ?? ''
  if (actions.createSandbox) {
    try {
      sandboxId = await runtime.runPodSandbox(config)
    } catch (error) {
      const message = `Failed to create pod sandbox: ${describeError(error)}`
      recorder.record(eventSubject(pod), 'Warning', 'FailedCreatePodSandBox', message)
      // It may be the address that is the trouble: the next try gets another.
      parts.addresses.release(uid)
      throw error
    }
  }
  const delays: number[] = []
  for (const name of actions.containersToStart) {
    const container = findContainer(pod, name)
    if (!container) continue
    const place = { sandboxId, config, volumes, environmentSources: sources }
    const retryAfterMs = await startContainer(parts, pod, container, memory, before, place)
    if (retryAfterMs !== undefined) delays.push(retryAfterMs)
  }
  return delays.length > 0 ? Math.min(...delays) : undefined
}

interface ContainerPlace {
  readonly sandboxId: string
  readonly config: PodSandboxConfig
  readonly volumes: Readonly<Record<string, string>>
  readonly environmentSources: VolumeSources
}

const CONFIG_RETRY_MS = 10_000

/** Back-off, image, environment, create, start. Returns when to try again if it could not be started. */
async function startContainer(
  parts: SyncParts,
  pod: Stored<Pod>,
  container: Container,
  memory: PodMemory,
  before: RuntimePodStatus,
  place: ContainerPlace,
): Promise<number | undefined> {
  const { runtime, recorder, clock } = parts
  const { uid, name: podName, namespace: podNamespace = 'default' } = pod.metadata
  const { name } = container
  const subject = eventSubject(pod, container)
  const fail = (waiting: WaitingReason, retryAfterMs: number) => {
    memory.waiting[name] = waiting
    return retryAfterMs
  }

  const latest = latestContainer(before, name)
  const hash = containerHash(container)
  const identity = { podName, podNamespace, podUid: uid, containerName: name, containerHash: hash }
  const finishedMs = latest?.state === 'CONTAINER_EXITED' ? latest.finishedAtMs : undefined
  const decision = decideStart(parts.backoff, identity, finishedMs, clock.now())
  if (!decision.start) {
    const message = `Back-off restarting failed container ${name} in pod ${podName}_${podNamespace}(${uid})`
    // Once per back-off, not at every look.
    if (memory.waiting[name]?.reason !== decision.reason) recorder.record(subject, 'Warning', 'BackOff', message)
    return fail({ reason: decision.reason, message: decision.message }, decision.retryAfterMs)
  }

  const image = await parts.images.ensure(uid, container, ({ type, reason, message }) =>
    recorder.record(subject, type, reason, message),
  )
  if (!image.ready) return fail(image.waiting, image.retryAfterMs)

  let id: string
  try {
    const environment = await containerEnvironment(pod, container, place.environmentSources)
    const mounts = containerMounts(container, place.volumes)
    // One that was made here but never started is an attempt that still has to happen; in a dead sandbox it never can.
    const isPending = latest?.state === 'CONTAINER_CREATED' && latest.podSandboxId === place.sandboxId
    const attempt = latest ? latest.metadata.attempt + (isPending ? 0 : 1) : 0
    const processes = processesSeenBy(container, pod, before)
    const config = {
      ...containerConfig(pod, container, { environment, mounts, attempt }),
      ...(processes && { processes }),
    }
    id = await runtime.createContainer(place.sandboxId, config, place.config)
  } catch (error) {
    const message = describeError(error)
    recorder.record(subject, 'Warning', 'Failed', `Error: ${message}`)
    const isConfig = error instanceof ContainerConfigError
    return fail({ reason: isConfig ? 'CreateContainerConfigError' : 'CreateContainerError', message }, CONFIG_RETRY_MS)
  }
  recorder.record(subject, 'Normal', 'Created', `Created container: ${name}`)
  try {
    await runtime.startContainer(id)
  } catch (error) {
    const message = describeError(error)
    recorder.record(subject, 'Warning', 'Failed', `Error: ${message}`)
    return fail({ reason: 'RunContainerError', message }, 0)
  }
  delete memory.waiting[name]
  recorder.record(subject, 'Normal', 'Started', `Started container ${name}`)
  return undefined
}
