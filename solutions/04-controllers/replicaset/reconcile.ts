/**
 * Keeps as many pods running as a ReplicaSet or ReplicationController asks for. The two differ only in how they select,
 * so one function serves both.
 *
 * Guarantees: claims before it counts; finished and terminating pods are no replicas; creates or deletes, never both;
 * at most 500 at once; creates in slow-start batches. In a stable world it decides nothing.
 *
 * Source: kubernetes `pkg/controller/replicaset/replica_set.go` (syncReplicaSet, manageReplicas).
 */
import type { LabelSelector, Pod, PodTemplateSpec, ReplicaSetStatus, Stored } from '#kit/api/objects.ts'
import type {
  Action,
  AnyObject,
  CreateAction,
  Decision,
  DeleteAction,
  ResourceName,
} from '#kit/contracts/controllers.ts'
import { claim, claimPatches, controllerReference } from '../claims.ts'
import { isActive } from '../pods.ts'
import { podsToDelete } from './ranking.ts'
import { slowStartBatches } from './slow-start.ts'
import { nextAvailableMs, statusUpdate } from './status.ts'

/** Upstream's BurstReplicas: more would delay the other owners for too long. */
const MOST_AT_ONCE = 500

/** What a ReplicaSet and a ReplicationController have in common. Their selectors differ: see `podSelector`. */
export interface Replicator extends AnyObject {
  readonly spec?: {
    readonly replicas?: number
    readonly minReadySeconds?: number
    readonly selector?: LabelSelector | Record<string, string>
    readonly template?: PodTemplateSpec
  }
  readonly status?: ReplicaSetStatus
}

export interface ReplicaSetWorld {
  readonly owner: Stored<Replicator>
  readonly resource: Extract<ResourceName, 'replicaSets' | 'replicationControllers'>
  /** All pods of the owner's namespace that it might own or adopt. */
  readonly pods: readonly Stored<Pod>[]
  /** False while the copy does not yet show what was asked for last time: then pods must not be counted. */
  readonly expectationsMet: boolean
  readonly nowMs: number
}

/**
 * What to write so that the world becomes as the owner's spec says: first the patches that adopt and release, then the
 * creations or deletions (none while expectations are open or the owner is being deleted), last the status. Only active
 * pods are looked at; an absent `replicas` means 1; both creations and deletions stop at `MOST_AT_ONCE`.
 *
 * Given to use: `isActive` (../pods.ts), `claimPatches` (../claims.ts), `createPods` and `deletePods` below;
 * `statusUpdate` (undefined when the status is right already) and `nextAvailableMs`, for `requeueAfterMs`, from
 * ./status.ts. `claim` and `podsToDelete` are yours.
 *
 * @lab 4.3 Compare wanted and actual pods
 */
export function reconcileReplicaSet(world: ReplicaSetWorld): Decision {
  const { owner, resource, pods, expectationsMet, nowMs } = world
  const claims = claim(owner, podSelector(owner), pods.filter(isActive))
  const actions: Action[] = claimPatches('pods', owner, claims)

  const missing = (owner.spec?.replicas ?? 1) - claims.claimed.length
  if (expectationsMet && owner.metadata.deletionTimestamp === undefined) {
    if (missing > 0) actions.push(...createPods(owner, Math.min(missing, MOST_AT_ONCE)))
    if (missing < 0) actions.push(...deletePods(owner, podsToDelete(claims.claimed, Math.min(-missing, MOST_AT_ONCE))))
  }

  const status = statusUpdate(owner, resource, claims.claimed, nowMs)
  if (status) actions.push(status)
  const requeueAfterMs = nextAvailableMs(owner, claims.claimed, nowMs)
  return requeueAfterMs === undefined ? { actions } : { actions, requeueAfterMs }
}

/**
 * A ReplicaSet selects with a LabelSelector, a ReplicationController with a map; an empty map selects nothing. Given.
 */
export function podSelector(owner: Replicator): LabelSelector | undefined {
  const selector = owner.spec?.selector
  if (owner.kind !== 'ReplicationController') return selector as LabelSelector | undefined
  const labels = (selector ?? owner.spec?.template?.metadata?.labels ?? {}) as Record<string, string>
  return Object.keys(labels).length === 0 ? undefined : { matchLabels: labels }
}

/** Creations of `count` pods from the template, in slow-start batches. Given. */
export function createPods(owner: Stored<Replicator>, count: number): Action[] {
  const creation: CreateAction = {
    do: 'create',
    resource: 'pods',
    object: podFrom(owner, owner.spec?.template),
    onSuccess: { about: owner, type: 'Normal', reason: 'SuccessfulCreate', message: 'Created pod: {name}' },
    onFailure: { about: owner, type: 'Warning', reason: 'FailedCreate', message: 'Error creating: {error}' },
  }
  return slowStartBatches(count).map((size) => ({ do: 'together', writes: Array(size).fill(creation) }))
}

/** Deletions of these pods, all at once. Given. */
export function deletePods(owner: Stored<Replicator>, pods: readonly Stored<Pod>[]): Action[] {
  const writes = pods.map((pod): DeleteAction => {
    const { namespace, name } = pod.metadata
    return {
      do: 'delete',
      resource: 'pods',
      namespace,
      name,
      onSuccess: { about: owner, type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}` },
      onFailure: { about: owner, type: 'Warning', reason: 'FailedDelete', message: 'Error deleting: {error}' },
    }
  })
  return [{ do: 'together', writes }]
}

function podFrom(owner: Stored<Replicator>, template: PodTemplateSpec | undefined): Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${owner.metadata.name}-`,
      ...(owner.metadata.namespace && { namespace: owner.metadata.namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    ...(template?.spec && { spec: template.spec }),
  }
}
