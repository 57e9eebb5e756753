/**
 * A taint is a node's "keep out", a toleration a pod's "that does not stop me". Filters, scores and (in lab 4) eviction all
 * ask the same question, so it is answered in one place.
 *
 * Source: Kubernetes documentation "Taints and Tolerations"; `k8s.io/component-helpers/scheduling/corev1/helpers.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod, Taint, Toleration } from '#kit/api/objects.ts'

/**
 * Whether this toleration covers that taint. Effect and key must be equal to the taint's; left empty they match any. With
 * operator `Exists` the value does not matter; with `Equal`, which is the default, it must be equal too, where a missing
 * value is "".
 *
 * @lab 3.4 Match one toleration with one taint
 */
export function tolerationCovers(toleration: Toleration, taint: Taint): boolean {
  throw new NotImplemented(
    '3.4',
    'tolerationCovers',
    'Match one toleration with one taint',
    'labs/03-scheduler/src/tolerations.ts',
  )
}

/** Whether any of the pod's tolerations covers the taint. */
export function tolerates(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => tolerationCovers(toleration, taint))
}
