/**
 * A Deployment and its ReplicaSets, sorted into the one that has the wanted template and those that had it before. All
 * decisions of a rollout are made from this.
 *
 * Source: kubernetes `pkg/controller/deployment/util/deployment_util.go` (FindNewReplicaSet, EqualIgnoreHash).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Deployment, PodTemplateSpec, ReplicaSet, Stored } from '#kit/api/objects.ts'

/** The label that keeps the pods of one template apart from those of another. */
export const POD_TEMPLATE_HASH = 'pod-template-hash'

export interface Rollout {
  readonly deployment: Stored<Deployment>
  /** The ReplicaSet with the Deployment's template, if it exists yet. */
  readonly newReplicaSet?: Stored<ReplicaSet> | undefined
  /** The others, oldest first. */
  readonly oldReplicaSets: readonly Stored<ReplicaSet>[]
}

/**
 * What a strategy does next. It changes little at a time and is asked again when the world has followed, so a rollout
 * can be interrupted at any point.
 */
export interface RolloutStep {
  /** Create the new ReplicaSet with so many replicas. */
  readonly createWith?: number
  /** Names of ReplicaSets → how many replicas they shall have. */
  readonly scaleTo: Readonly<Record<string, number>>
}

/**
 * The ReplicaSet whose template is the Deployment's, or undefined. ReplicaSets' templates carry the label
 * `pod-template-hash` in addition, which must not count as a difference. Should there be several (there have been,
 * after upgrades), the oldest, so that every look finds the same one.
 *
 * @lab 4.4 Find the ReplicaSet that has the wanted template
 */
export function findNewReplicaSet(
  deployment: Deployment,
  replicaSets: readonly Stored<ReplicaSet>[],
): Stored<ReplicaSet> | undefined {
  throw new NotImplemented(
    '4.4',
    'findNewReplicaSet',
    'Find the ReplicaSet that has the wanted template',
    'labs/04-controllers/src/deployment/rollout.ts',
  )
}

/** Sorts a Deployment's own ReplicaSets. Given. */
export function rolloutOf(deployment: Stored<Deployment>, replicaSets: readonly Stored<ReplicaSet>[]): Rollout {
  const newReplicaSet = findNewReplicaSet(deployment, replicaSets)
  const oldReplicaSets = oldestFirst(replicaSets).filter(({ metadata }) => metadata.uid !== newReplicaSet?.metadata.uid)
  return { deployment, newReplicaSet, oldReplicaSets }
}

/** Old and new together. Given. */
export function allReplicaSets({ newReplicaSet, oldReplicaSets }: Rollout): readonly Stored<ReplicaSet>[] {
  return newReplicaSet ? [...oldReplicaSets, newReplicaSet] : oldReplicaSets
}

/** What the spec asks for. Given. */
export function replicasOf(object: Deployment | ReplicaSet): number {
  return object.spec?.replicas ?? 1
}

/** The sum over all of what their specs ask for. Given. */
export function totalReplicas(replicaSets: readonly Stored<ReplicaSet>[]): number {
  return replicaSets.reduce((sum, replicaSet) => sum + replicasOf(replicaSet), 0)
}

/** The sum over all of what their statuses count as available. Given. */
export function totalAvailable(replicaSets: readonly Stored<ReplicaSet>[]): number {
  return replicaSets.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0)
}

export function oldestFirst(replicaSets: readonly Stored<ReplicaSet>[]): Stored<ReplicaSet>[] {
  const createdAt = ({ metadata }: Stored<ReplicaSet>) => `${metadata.creationTimestamp} ${metadata.name}`
  return [...replicaSets].sort((one, other) => (createdAt(one) < createdAt(other) ? -1 : 1))
}

/** The template as the Deployment would have it: a label map that is empty without the hash counts as none. Given. */
export function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec {
  const { [POD_TEMPLATE_HASH]: _hash, ...labels } = template?.metadata?.labels ?? {}
  const { creationTimestamp: _never, ...metadata } = template?.metadata ?? {}
  return { ...template, metadata: { ...metadata, labels } }
}
