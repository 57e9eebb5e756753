/**
 * One look at one pod: read what is, compute what must be done, do it, report what is then. The computing is pure and lies
 * elsewhere; here are only the calls, in their order.
 *
 * May fail at any point and is then simply called again: every step either finds its work done or does it.
 *
 * Source: kubernetes `pkg/kubelet/kubelet.go` (SyncPod, SyncTerminatingPod, SyncTerminatedPod),
 * `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (SyncPod).
 */
import type { Container, Pod, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { PodSandboxConfig, RuntimeService } from '#kit/contracts/cri.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { type Backoff, decideStart } from './backoff.ts'
import { containerConfig, sandboxConfig } from './container-config.ts'
import { ContainerConfigError, containerEnvironment } from './environment.ts'
import type { EventRecorder } from './event-recorder.ts'
import type { ImagePuller } from './images.ts'
import { runPreStop } from './lifecycle-hooks.ts'
import { computePodActions } from './pod-actions.ts'
import type { PodAddresses } from './pod-addresses.ts'
import type { Prober } from './prober.ts'
import { containerHash } from './restart-policy.ts'
import {
  attemptsOf,
  latestContainer,
  nothingRunning,
  type RuntimePodStatus,
  readPodStatus,
} from './runtime-pod-status.ts'
import type { WaitingReason } from './status/container-statuses.ts'
import { isTerminalPhase } from './status/phase.ts'
import { generatePodStatus } from './status/pod-status.ts'
import type { StatusWriter } from './status-writer.ts'
import { graceAfterHook, mayBeDeleted, planTermination } from './termination.ts'
import { containerMounts, prepareVolumes, removeVolumes, type VolumeSources } from './volumes.ts'

/** Everything that a sync needs, the same for all pods. */
export interface SyncParts {
  readonly runtime: RuntimeService
  readonly runtimeName: string
  readonly images: ImagePuller
  readonly prober: Prober
  readonly client: ApiClient
  readonly clock: Clock
  readonly log: Log
  readonly recorder: EventRecorder
  readonly statuses: StatusWriter
  readonly addresses: PodAddresses
  readonly backoff: Backoff
  readonly volumeSources: (podIp: string) => VolumeSources
  readonly rootDir: string
  readonly hostIp: string
}

/** What must be remembered of a pod between two looks. Losing it, in a restart, costs nothing but patience. */
export interface PodMemory {
  /** Never looked at since this kubelet started, and unknown to the runtime: nothing can be running. */
  isNew: boolean
  /** Why containers could not be started, by name. */
  waiting: Record<string, WaitingReason>
}

export function newPodMemory(isNew: boolean): PodMemory {
  return { isNew, waiting: {} }
}

export interface SyncResult {
  /** Look again after so long, even if nothing happens. */
  readonly retryAfterMs?: number | undefined
}

/** A pod that should run, or has run to its end. */
export async function syncPod(parts: SyncParts, pod: Stored<Pod>, memory: PodMemory): Promise<SyncResult> {
  const { uid } = pod.metadata
  const before = memory.isNew ? nothingRunning : await readPodStatus(parts.runtime, uid)
  memory.isNew = false
  if (isTerminalPhase(pod.status?.phase)) {
    await stopEverything(parts, pod, before)
    return {}
  }
  if (before.sandboxes.length === 0) report(parts, uid, before, memory)

  const actions = computePodActions(pod, before, parts.prober.failed(uid))
  if (actions.killPod) await stopEverything(parts, pod, before)
  await Promise.all(actions.containersToKill.map((target) => killContainer(parts, pod, target)))

  let retryAfterMs: number | undefined
  if (actions.containersToStart.length > 0) {
    retryAfterMs = await startContainers(parts, pod, memory, before, actions)
  }
  const after = await readPodStatus(parts.runtime, uid)
  followProbes(parts, pod, after)
  report(parts, uid, after, memory)
  await removeOldAttempts(parts, pod, after)
  return { retryAfterMs }
}

/** A pod that is being deleted, or that is gone from the API server already. True when nothing of it is left. */
export async function syncTerminatingPod(
  parts: SyncParts,
  pod: Stored<Pod>,
  memory: PodMemory,
  goneFromApi: () => boolean,
): Promise<boolean> {
  const { uid, name, namespace } = pod.metadata
  parts.prober.forget(uid)
  await stopEverything(parts, pod, await readPodStatus(parts.runtime, uid))
  const stopped = await readPodStatus(parts.runtime, uid)
  if (!goneFromApi()) {
    if (!mayBeDeleted(pod, stopped)) return false
    report(parts, uid, stopped, memory, true)
    await parts.statuses.flush(uid)
    try {
      await parts.client.delete(resources.pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
    } catch (error) {
      // Gone already, or another pod by that name: either way not ours any more.
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error
    }
  }
  await Promise.all(stopped.sandboxes.map(({ id }) => parts.runtime.removePodSandbox(id)))
  await Promise.all(stopped.containers.map(({ id }) => parts.runtime.removeContainer(id)))
  await removeVolumes(uid, parts.rootDir)
  parts.addresses.release(uid)
  parts.backoff.forget(`${uid}/`)
  parts.images.forget(uid)
  return true
}

/** Queues the pod's status for the API server. */
export function report(
  parts: SyncParts,
  podUid: string,
  runtime: RuntimePodStatus,
  memory: PodMemory,
  isTerminal = false,
): void {
  const { runtimeName, hostIp } = parts
  const waiting = { ...memory.waiting }
  const probes = parts.prober.verdicts(podUid)
  const nowMs = parts.clock.now()
  parts.statuses.write(podUid, (pod) =>
    generatePodStatus({ pod, runtime, waiting, probes, runtimeName, hostIp, nowMs, isTerminal }),
  )
}

/** Starts what is to be started, in the spec's order. Returns when to try again what could not be started. */
async function startContainers(
  parts: SyncParts,
  pod: Stored<Pod>,
  memory: PodMemory,
  before: RuntimePodStatus,
  actions: ReturnType<typeof computePodActions>,
): Promise<number | undefined> {
  const { runtime, recorder } = parts
  const { uid } = pod.metadata
  const podIp = pod.spec?.hostNetwork ? undefined : parts.addresses.of(uid, before.sandboxes[0]?.ip)
  const sources = parts.volumeSources(podIp ?? parts.hostIp)
  let volumes: Record<string, string>
  try {
    volumes = await prepareVolumes(pod, parts.rootDir, sources)
  } catch (error) {
    const subject = eventSubject(pod)
    recorder.record(subject, 'Warning', 'FailedMount', `MountVolume.SetUp failed: ${describeError(error)}`)
    return MOUNT_RETRY_MS
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

const MOUNT_RETRY_MS = 2000
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
    // A container that was made but never started counts as an attempt that still has to happen.
    const attempt = latest ? latest.metadata.attempt + (latest.state === 'CONTAINER_CREATED' ? 0 : 1) : 0
    const config = containerConfig(pod, container, { environment, mounts, attempt })
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

/** Containers first, all at once, each with the pod's grace period; then the sandboxes. */
async function stopEverything(parts: SyncParts, pod: Stored<Pod>, status: RuntimePodStatus): Promise<void> {
  const plan = planTermination(pod, status)
  await Promise.all(
    plan.containers.map(({ id, name, timeoutSeconds }) =>
      stopContainer(parts, pod, id, name, timeoutSeconds, `Stopping container ${name}`),
    ),
  )
  await Promise.all(plan.sandboxes.map((id) => parts.runtime.stopPodSandbox(id)))
}

async function killContainer(
  parts: SyncParts,
  pod: Stored<Pod>,
  { id, name, message }: { id: string; name: string; message: string },
): Promise<void> {
  await stopContainer(parts, pod, id, name, pod.spec?.terminationGracePeriodSeconds ?? 30, message)
}

async function stopContainer(
  parts: SyncParts,
  pod: Stored<Pod>,
  id: string,
  name: string,
  graceSeconds: number,
  message: string,
): Promise<void> {
  const container = findContainer(pod, name)
  parts.recorder.record(eventSubject(pod, container), 'Normal', 'Killing', message)
  const preStop = container?.lifecycle?.preStop
  if (!preStop) return parts.runtime.stopContainer(id, graceSeconds)

  const startedMs = parts.clock.now()
  const failure = await runPreStop(parts, preStop, id, parts.addresses.of(pod.metadata.uid), graceSeconds)
  if (failure) parts.recorder.record(eventSubject(pod, container), 'Warning', 'FailedPreStopHook', failure)
  await parts.runtime.stopContainer(id, graceAfterHook(graceSeconds, parts.clock.now() - startedMs))
}

/** Probes that cannot be asked must not keep the pod from running. */
function followProbes({ prober, hostIp, log }: SyncParts, pod: Stored<Pod>, status: RuntimePodStatus): void {
  const running = status.containers.filter(({ state }) => state === 'CONTAINER_RUNNING')
  try {
    prober.follow(pod, running, status.sandboxes[0]?.ip ?? hostIp)
  } catch (error) {
    log.error(`probes of pod ${pod.metadata.namespace}/${pod.metadata.name}`, error)
  }
}

/** Keeps one ended attempt per container, for `kubectl logs --previous`, besides the newest. */
async function removeOldAttempts({ runtime }: SyncParts, pod: Pod, status: RuntimePodStatus): Promise<void> {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  const old = containers.flatMap(({ name }) => attemptsOf(status, name).slice(2))
  await Promise.all(old.map(({ id }) => runtime.removeContainer(id)))
}

function findContainer(pod: Pod, name: string): Container | undefined {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find((one) => one.name === name)
}

function eventSubject(pod: Stored<Pod>, container?: Container) {
  const { name, namespace, uid, resourceVersion } = pod.metadata
  const kind = pod.spec?.initContainers?.some((one) => one.name === container?.name) ? 'initContainers' : 'containers'
  const fieldPath = container && `spec.${kind}{${container.name}}`
  return { kind: 'Pod' as const, name, namespace, uid, resourceVersion, ...(fieldPath && { fieldPath }) }
}
