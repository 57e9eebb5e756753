/**
 * When a pod must leave a node with NoExecute taints.
 *
 * Guarantee: each taint must be tolerated, and each toleration lasts as long as it says, from the moment the taint was
 * added.
 * Source: kubernetes `pkg/controller/tainteviction/taint_eviction.go`, `pkg/apis/core/v1/helper`
 * (GetMatchingTolerations).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod, Taint, Toleration } from '#kit/api/objects.ts'

/**
 * Whether a toleration is for this taint. An empty effect is for all effects, an empty key with `Exists` for all keys.
 * `Equal`, the default, compares values, a missing one being ''.
 *
 * @lab 4.6 Match a toleration with a taint
 */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  throw new NotImplemented(
    '4.6',
    'tolerates',
    'Match a toleration with a taint',
    'labs/04-controllers/src/nodes/eviction.ts',
  )
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
  throw new NotImplemented(
    '4.6',
    'evictionTimeMs',
    'Decide when a pod must leave its node',
    'labs/04-controllers/src/nodes/eviction.ts',
  )
}
