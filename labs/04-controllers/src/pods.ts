/** Questions about one pod that several controllers ask. Given. Source: kubernetes `pkg/api/v1/pod/util.go`. */
import type { Pod, PodCondition } from '#kit/api/objects.ts'

/** Still counts as a replica: neither finished nor being deleted. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata?.deletionTimestamp === undefined
}

/** All containers have stopped and will not start again. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type)
}

/** May get traffic. */
export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True'
}

/** Since when the pod is ready, in milliseconds since the epoch; undefined when it is not. */
export function readySinceMs(pod: Pod): number | undefined {
  const condition = podCondition(pod, 'Ready')
  if (condition?.status !== 'True') return undefined
  return Date.parse(condition.lastTransitionTime ?? pod.metadata?.creationTimestamp ?? '')
}

/** Has been ready for at least `minReadySeconds`. */
export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const sinceMs = readySinceMs(pod)
  if (sinceMs === undefined) return false
  return minReadySeconds === 0 || sinceMs + minReadySeconds * 1000 <= nowMs
}
