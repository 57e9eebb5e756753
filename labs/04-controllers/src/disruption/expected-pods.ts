/**
 * How many pods a budget is about, and how many of them must be healthy. A percentage needs to know of how many: not the
 * pods that happen to exist, since those are fewer just when something is wrong, but what their owners want. Given.
 *
 * Source: kubernetes `pkg/controller/disruption/disruption.go` (getExpectedPodCount, getExpectedScale).
 */
import { controllerOf, type OwnerReference, type Pod, type PodDisruptionBudget, type Stored } from '#kit/api/objects.ts'

/** How many pods an owner wants; the text says why that cannot be told. */
export type Scale = { readonly uid: string; readonly replicas: number } | { readonly problem: string }
export type ScaleOf = (owner: OwnerReference, pod: Stored<Pod>) => Scale

export interface Expectation {
  readonly expectedPods: number
  readonly desiredHealthy: number
  /** Pods without owner: nobody says how many there should be. */
  readonly unmanaged: readonly string[]
}

export function expectationOf(
  { spec }: Stored<PodDisruptionBudget>,
  pods: readonly Stored<Pod>[],
  scaleOf: ScaleOf,
): Expectation | { readonly problem: string } {
  const { minAvailable, maxUnavailable } = spec ?? {}
  if (typeof minAvailable === 'number' && maxUnavailable === undefined) {
    return { expectedPods: pods.length, desiredHealthy: minAvailable, unmanaged: [] }
  }
  if (minAvailable === undefined && maxUnavailable === undefined) {
    return { expectedPods: 0, desiredHealthy: 0, unmanaged: [] }
  }
  const scales = new Map<string, number>()
  const unmanaged: string[] = []
  for (const pod of pods) {
    const owner = controllerOf(pod)
    if (!owner) unmanaged.push(pod.metadata.name)
    if (!owner || scales.has(owner.uid)) continue
    const scale = scaleOf(owner, pod)
    if ('problem' in scale) return scale
    scales.set(scale.uid, scale.replicas)
  }
  const expectedPods = [...scales.values()].reduce((sum, replicas) => sum + replicas, 0)
  const desiredHealthy =
    maxUnavailable === undefined
      ? shareOf(minAvailable, expectedPods)
      : Math.max(0, expectedPods - shareOf(maxUnavailable, expectedPods))
  return { expectedPods, desiredHealthy, unmanaged }
}

/** "30%" of so many, rounded up; or the number as it is. */
function shareOf(amount: number | string | undefined, whole: number): number {
  return typeof amount === 'string' ? Math.ceil((Number.parseInt(amount, 10) * whole) / 100) : (amount ?? 0)
}
