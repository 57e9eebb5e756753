/**
 * What must be done so that a pod runs as its spec says: compares the pod with what the runtime has, and lists actions.
 *
 * This is the heart of `syncPod`, and it is level-triggered: it never asks what happened, only what is. Called twice in a
 * row with nothing changed it answers the same; called when all is well it answers "nothing". That is why a kubelet that
 * was restarted, or that missed ten events, goes on as if nothing had been.
 *
 * Source: kubernetes `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (computePodActions, podSandboxChanged).
 */
import type { Container, Pod } from '#kit/api/objects.ts'
import { definitionChanged, shouldRestart } from './restart-policy.ts'
import { latestContainer, type RuntimePodStatus } from './runtime-pod-status.ts'

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
  const [newest] = status.sandboxes
  if (!newest) return { create: true, attempt: 0 }
  const ready = status.sandboxes.filter(({ state }) => state === 'SANDBOX_READY')
  const usable = newest.state === 'SANDBOX_READY' && ready.length === 1
  if (usable) return { create: false, attempt: newest.metadata.attempt, sandboxId: newest.id }
  return { create: true, attempt: newest.metadata.attempt + 1, sandboxId: newest.id }
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
  const sandboxId = status.sandboxes[0]?.id
  const here = { ...status, containers: status.containers.filter(({ podSandboxId }) => podSandboxId === sandboxId) }
  if (pod.spec?.containers.some(({ name }) => latestContainer(here, name))) return { kind: 'done' }

  const names = (pod.spec?.initContainers ?? []).map(({ name }) => name)
  const reached = names.findLast((name) => latestContainer(here, name))
  const latest = reached === undefined ? undefined : latestContainer(here, reached)
  if (latest?.state === 'CONTAINER_RUNNING') return { kind: 'wait' }
  const succeeded = latest?.state === 'CONTAINER_EXITED' && latest.exitCode === 0
  const failed = latest?.state === 'CONTAINER_EXITED' && latest.exitCode !== 0
  if (failed && pod.spec?.restartPolicy === 'Never') return { kind: 'failed' }
  const next = succeeded ? names[names.indexOf(latest.metadata.name) + 1] : (reached ?? names[0])
  return next === undefined ? { kind: 'done' } : { kind: 'start', name: next }
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
  const { create, attempt, sandboxId } = sandboxToCreate(status)
  const nothing = { killPod: false, createSandbox: false, attempt, sandboxId, containersToKill: [] }
  if (create) {
    const containersToStart = containersForNewSandbox(pod, status, attempt)
    return { ...nothing, killPod: true, createSandbox: containersToStart.length > 0, containersToStart }
  }

  const init = initProgress(pod, status)
  if (init.kind === 'wait') return { ...nothing, containersToStart: [] }
  if (init.kind === 'start') return { ...nothing, containersToStart: [init.name] }
  if (init.kind === 'failed') return { ...nothing, killPod: true, containersToStart: [] }

  const containersToKill: ContainerToKill[] = []
  const containersToStart: string[] = []
  let kept = 0
  for (const container of pod.spec?.containers ?? []) {
    const { name } = container
    const latest = latestContainer(status, name)
    if (latest?.state !== 'CONTAINER_RUNNING') {
      if (shouldRestart(pod, name, status)) containersToStart.push(name)
      continue
    }
    const fault = reasonToKill(pod, container, latest, failedProbes)
    if (!fault) {
      kept++
      continue
    }
    containersToKill.push({ id: latest.id, name, message: fault.message })
    if (fault.restart) containersToStart.push(name)
  }
  return { ...nothing, killPod: kept === 0 && containersToStart.length === 0, containersToKill, containersToStart }
}

/**
 * What a new sandbox is for; nothing, when there is nothing left to run in it.
 *
 * @solution-only
 */
function containersForNewSandbox(pod: Pod, status: RuntimePodStatus, attempt: number): string[] {
  const policy = pod.spec?.restartPolicy
  if (policy === 'Never' && attempt > 0 && status.containers.length > 0) return []
  const succeeded = (name: string) => {
    const latest = latestContainer(status, name)
    return latest?.state === 'CONTAINER_EXITED' && latest.exitCode === 0
  }
  const names = (pod.spec?.containers ?? []).map(({ name }) => name)
  const unfinished = policy === 'OnFailure' ? names.filter((name) => !succeeded(name)) : names
  const [firstInit] = pod.spec?.initContainers ?? []
  return firstInit && unfinished.length > 0 ? [firstInit.name] : unfinished
}

/** @solution-only */
function reasonToKill(
  pod: Pod,
  container: Container,
  running: { id: string; annotations: Readonly<Record<string, string>> },
  { liveness, startup }: FailedProbes,
): { message: string; restart: boolean } | undefined {
  const { name } = container
  if (definitionChanged(container, running.annotations)) {
    return { message: `Container ${name} definition changed, will be restarted`, restart: true }
  }
  const probe = liveness.includes(running.id) ? 'liveness' : startup.includes(running.id) ? 'startup' : undefined
  if (!probe) return undefined
  const restart = pod.spec?.restartPolicy !== 'Never'
  return { message: `Container ${name} failed ${probe} probe${restart ? ', will be restarted' : ''}`, restart }
}
