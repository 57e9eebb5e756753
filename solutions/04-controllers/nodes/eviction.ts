/**
 * When a pod must leave a node with NoExecute taints.
 *
 * Guarantee: each taint must be tolerated, and each toleration lasts as long as it says, from the moment the taint was
 * added.
 * Source: kubernetes `pkg/controller/tainteviction/taint_eviction.go`, `pkg/apis/core/v1/helper`
 * (GetMatchingTolerations).
 */
import type { Pod, Taint, Toleration } from '#kit/api/objects.ts'

/**
 * Whether a toleration is for this taint. An empty effect is for all effects, an empty key with `Exists` for all keys.
 * `Equal`, the default, compares values, a missing one being ''.
 *
 * @lab 4.6 Match a toleration with a taint
 */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  if (toleration.operator === 'Exists') return true
  return toleration.key === taint.key && (toleration.value ?? '') === (taint.value ?? '')
}

/**
 * When the pod must go, in milliseconds since the epoch; undefined: it may stay. Only NoExecute taints count. At once
 * (`seenMs`) when one is not tolerated; otherwise when the first toleration runs out, of each taint the pod's first
 * that matches. A toleration without `tolerationSeconds` never does. Time counts from the taint's `timeAdded`, or from
 * `seenMs` if it has none (users' taints).
 *
 * @param seenMs when this controller first saw the pod under these taints
 *
 * @lab 4.6 Decide when a pod must leave its node
 */
export function evictionTimeMs(pod: Pod, taints: readonly Taint[], seenMs: number): number | undefined {
  const times: number[] = []
  for (const taint of taints.filter(({ effect }) => effect === 'NoExecute')) {
    const toleration = pod.spec?.tolerations?.find((candidate) => tolerates(candidate, taint))
    if (!toleration) return seenMs
    if (toleration.tolerationSeconds === undefined) continue
    const sinceMs = taint.timeAdded ? Date.parse(taint.timeAdded) : seenMs
    times.push(sinceMs + Math.max(0, toleration.tolerationSeconds) * 1000)
  }
  return times.length === 0 ? undefined : Math.min(...times)
}
