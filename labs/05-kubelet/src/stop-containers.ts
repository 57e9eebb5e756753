/**
 * Stops a pod's containers: the preStop hook, SIGTERM, the grace period, SIGKILL.
 *
 * Source: kubernetes `pkg/kubelet/kuberuntime/kuberuntime_container.go` (killContainer).
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { runPreStop } from './lifecycle-hooks.ts'
import { eventSubject, findContainer } from './pod-containers.ts'
import type { RuntimePodStatus } from './runtime-pod-status.ts'
import type { SyncParts } from './sync-parts.ts'
import { graceAfterHook, gracePeriodSeconds, planTermination } from './termination.ts'

/** Containers first, all at once, each with the pod's grace period; then the sandboxes. */
export async function stopEverything(parts: SyncParts, pod: Stored<Pod>, status: RuntimePodStatus): Promise<void> {
  const plan = planTermination(pod, status)
  await Promise.all(
    plan.containers.map(({ id, name, timeoutSeconds }) =>
      stopContainer(parts, pod, id, name, timeoutSeconds, `Stopping container ${name}`),
    ),
  )
  await Promise.all(plan.sandboxes.map((id) => parts.runtime.stopPodSandbox(id)))
}

/** One container that is to go, or to be made anew, while the pod stays. */
export async function killContainer(
  parts: SyncParts,
  pod: Stored<Pod>,
  { id, name, message }: { id: string; name: string; message: string },
): Promise<void> {
  await stopContainer(parts, pod, id, name, gracePeriodSeconds(pod), message)
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
  const failure = await runPreStop(parts, preStop, id, pod.status?.podIP ?? parts.hostIp, graceSeconds)
  if (failure) parts.recorder.record(eventSubject(pod, container), 'Warning', 'FailedPreStopHook', failure)
  await parts.runtime.stopContainer(id, graceAfterHook(graceSeconds, parts.clock.now() - startedMs))
}
