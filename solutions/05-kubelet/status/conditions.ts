/**
 * The pod's conditions: facts with a time of their last change, on which others rest. `Ready` decides whether a Service
 * sends traffic here, so it must never be true too early.
 *
 * Source: kubernetes `pkg/kubelet/status/generate.go`, `pkg/kubelet/kubelet_pods.go` (generateAPIPodStatus).
 */
import { NO_TIME } from '#kit/api/no-time.ts'
import type { ContainerStatus, Pod, PodCondition } from '#kit/api/objects.ts'
import type { PodPhase } from './phase.ts'
import { formatTime } from './times.ts'

/** The types that the kubelet owns, in the order in which upstream lists them. */
export const KUBELET_CONDITIONS = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
] as const

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>

/**
 * `Initialized`: whether all init containers have succeeded (are `ready`). If not: reason `ContainersNotInitialized`,
 * message `containers with incomplete status: [i1 i2]`. In a pod that `Succeeded` it is true with reason `PodCompleted`.
 *
 * @lab 5.6 Judge whether the pod is initialized
 */
export function initialized(phase: PodPhase, initContainers: readonly ContainerStatus[]): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' }
  const incomplete = initContainers.filter(({ ready }) => !ready).map(({ name }) => name)
  if (incomplete.length === 0) return { status: 'True' }
  const message = `containers with incomplete status: [${incomplete.join(' ')}]`
  return { status: 'False', reason: 'ContainersNotInitialized', message }
}

/**
 * `ContainersReady`: false with reason `PodCompleted` in a pod that `Succeeded`, false with `PodFailed` in one that
 * `Failed`, false with `ContainersNotReady` and the message `containers with unready status: [a b]` when some are not.
 *
 * @lab 5.6 Judge whether the containers are ready
 */
export function containersReady(phase: PodPhase, containers: readonly ContainerStatus[]): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name)
  if (unready.length === 0) return { status: 'True' }
  const message = `containers with unready status: [${unready.join(' ')}]`
  return { status: 'False', reason: 'ContainersNotReady', message }
}

/** `Ready`: the containers are, and so is everything else that the spec's readiness gates name. */
export function podReady(pod: Pod, containers: Verdict): Verdict {
  if (containers.status !== 'True') return containers
  const isTrue = (type: string) =>
    pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True')
  const closed = (pod.spec?.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter((gate) => !isTrue(gate))
  if (closed.length === 0) return { status: 'True' }
  const message = closed
    .map((gate) => `corresponding condition of pod readiness gate "${gate}" does not exist.`)
    .join(', ')
  return { status: 'False', reason: 'ReadinessGatesNotReady', message }
}

/**
 * One condition, with its times. `lastTransitionTime` moves only when the *status* changes: a new reason or message keeps
 * the previous condition's time. `lastProbeTime` is null.
 *
 * @lab 5.6 Keep the time of the last change
 */
export function condition(
  type: string,
  verdict: Verdict,
  previous: readonly PodCondition[],
  nowMs: number,
): PodCondition {
  const before = previous.find((one) => one.type === type)
  const unchanged = before?.status === verdict.status ? before.lastTransitionTime : undefined
  const lastTransitionTime = unchanged ?? formatTime(nowMs)
  return { type, lastProbeTime: NO_TIME, lastTransitionTime, ...verdict }
}

/** All conditions: the kubelet's own anew, everyone else's as they are. */
export function podConditions(
  pod: Pod,
  phase: PodPhase,
  statuses: { containers: readonly ContainerStatus[]; initContainers: readonly ContainerStatus[] },
  sandboxReady: boolean,
  nowMs: number,
): PodCondition[] {
  const previous = pod.status?.conditions ?? []
  const foreign = previous.filter(({ type }) => !KUBELET_CONDITIONS.some((own) => own === type))
  const ready = containersReady(phase, statuses.containers)
  const verdicts: Record<(typeof KUBELET_CONDITIONS)[number], Verdict> = {
    PodReadyToStartContainers: { status: sandboxReady ? 'True' : 'False' },
    Initialized: initialized(phase, statuses.initContainers),
    Ready: podReady(pod, ready),
    ContainersReady: ready,
    PodScheduled: { status: 'True' },
  }
  return [...KUBELET_CONDITIONS.map((type) => condition(type, verdicts[type], previous, nowMs)), ...foreign]
}
