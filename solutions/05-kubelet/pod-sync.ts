/**
 * One look at one pod: read what is, compute what must be done, do it, report what is then. The computing is pure and lies
 * elsewhere; here are only the calls, in their order.
 *
 * May fail at any point and is then simply called again: every step either finds its work done or does it.
 *
 * Source: kubernetes `pkg/kubelet/kubelet.go` (SyncPod, SyncTerminatingPod, SyncTerminatedPod),
 * `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (SyncPod).
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import { withEphemeralContainers } from './ephemeral-containers.ts'
import { computePodActions } from './pod-actions.ts'
import { applyResizes, dueResizes, withRestartsToResize } from './resize-containers.ts'
import { attemptsOf, nothingRunning, type RuntimePodStatus, readPodStatus } from './runtime-pod-status.ts'
import { startContainers } from './start-containers.ts'
import { isTerminalPhase } from './status/phase.ts'
import { generatePodStatus } from './status/pod-status.ts'
import { hasGone } from './status-writer.ts'
import { killContainer, stopEverything } from './stop-containers.ts'
import type { PodMemory, SyncParts } from './sync-parts.ts'
import { mayBeDeleted } from './termination.ts'
import { refreshVolumes } from './volume-refresh.ts'
import { removeVolumes } from './volumes.ts'

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
    parts.addresses.release(uid)
    return {}
  }
  if (before.sandboxes.length === 0) report(parts, uid, before, memory)

  const resizes = dueResizes(pod, before, parts.judgeResize)
  const needed = withRestartsToResize(computePodActions(pod, before, parts.prober.failed(uid)), resizes.due)
  const actions = withEphemeralContainers(needed, pod, before)
  if (actions.killPod) await stopEverything(parts, pod, before)
  await Promise.all(actions.containersToKill.map((target) => killContainer(parts, pod, target)))
  const resizeAfterMs = actions.killPod ? undefined : await applyResizes(parts, pod, resizes)

  let retryAfterMs: number | undefined
  if (actions.containersToStart.length > 0) {
    // Who was just killed has ended now, and its restart has to wait like any other.
    const current = actions.containersToKill.length > 0 ? await readPodStatus(parts.runtime, uid) : before
    retryAfterMs = await startContainers(parts, pod, memory, current, actions)
  }
  const after = await readPodStatus(parts.runtime, uid)
  followProbes(parts, pod, after)
  report(parts, uid, after, memory)
  const volumesAfterMs = isRunning(after)
    ? await refreshVolumes(parts, pod, memory, after.sandboxes[0]?.ip ?? parts.hostIp)
    : undefined
  // A pod that is over keeps its object, for its logs and its status, but not its address.
  if (actions.killPod && !actions.createSandbox) parts.addresses.release(uid)
  await removeOldAttempts(parts, pod, after)
  return { retryAfterMs: sooner(resizeAfterMs, sooner(retryAfterMs, volumesAfterMs)) }
}

function isRunning({ containers }: RuntimePodStatus): boolean {
  return containers.some(({ state }) => state === 'CONTAINER_RUNNING')
}

function sooner(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
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
      if (!hasGone(error, pod) && !hasReason(error, 'Conflict')) throw error
    }
  }
  await Promise.all(stopped.sandboxes.map(({ id }) => parts.runtime.removePodSandbox(id)))
  await Promise.all(stopped.containers.map(({ id }) => parts.runtime.removeContainer(id)))
  await removeVolumes(uid, parts.rootDir)
  parts.addresses.release(uid)
  parts.backoff.forget(`${uid}/`)
  parts.images.forget(uid)
  parts.tokens.forget(uid)
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
  const { runtimeName, hostIp, judgeResize } = parts
  const waiting = { ...memory.waiting }
  const probes = parts.prober.verdicts(podUid)
  const nowMs = parts.clock.now()
  parts.statuses.write(podUid, (pod) =>
    generatePodStatus({ pod, runtime, waiting, probes, runtimeName, hostIp, judgeResize, nowMs, isTerminal }),
  )
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
