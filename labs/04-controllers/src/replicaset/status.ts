/**
 * The status of a ReplicaSet or ReplicationController. Given. Source: kubernetes
 * `pkg/controller/replicaset/replica_set_utils.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Pod, ReplicaSetStatus, Stored } from '#kit/api/objects.ts'
import { matchesLabels } from '#kit/api/selectors.ts'
import type { UpdateAction } from '#kit/contracts/controllers.ts'
import { isAvailable, isReady, readySinceMs } from '../pods.ts'
import type { ReplicaSetWorld, Replicator } from './reconcile.ts'

/**
 * The write that corrects the status, or undefined when it is right. Counts that are zero are left out, as upstream
 * does.
 */
export function statusUpdate(
  owner: Stored<Replicator>,
  resource: ReplicaSetWorld['resource'],
  pods: readonly Stored<Pod>[],
  nowMs: number,
): UpdateAction | undefined {
  const templateLabels = owner.spec?.template?.metadata?.labels ?? {}
  const minReadySeconds = owner.spec?.minReadySeconds ?? 0
  const count = (holds: (pod: Stored<Pod>) => boolean) => pods.filter(holds).length || undefined
  const status: ReplicaSetStatus = withoutUndefined({
    replicas: pods.length,
    fullyLabeledReplicas: count((pod) => matchesLabels(templateLabels, pod.metadata.labels)),
    readyReplicas: count(isReady),
    availableReplicas: count((pod) => isAvailable(pod, minReadySeconds, nowMs)),
    observedGeneration: owner.metadata.generation,
    conditions: owner.status?.conditions,
  })
  if (isDeepStrictEqual(status, withoutUndefined({ ...owner.status, replicas: owner.status?.replicas ?? -1 })))
    return undefined
  return { do: 'update', resource, subresource: 'status', object: { ...owner, status } as Stored<Replicator> }
}

/** Milliseconds until the next ready pod has been so for minReadySeconds; undefined when none waits. */
export function nextAvailableMs(owner: Replicator, pods: readonly Pod[], nowMs: number): number | undefined {
  const minReadyMs = (owner.spec?.minReadySeconds ?? 0) * 1000
  const waitsMs = pods
    .map((pod) => (readySinceMs(pod) ?? Number.NEGATIVE_INFINITY) + minReadyMs - nowMs)
    .filter((waitMs) => waitMs > 0)
  return waitsMs.length === 0 ? undefined : Math.min(...waitsMs)
}

function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T
}
