/**
 * Scaling in the middle of a rollout: each ReplicaSet gets its share of the change, so that a rollout that turns out to
 * be bad has not been given all the new pods.
 *
 * Source: kubernetes `pkg/controller/deployment/sync.go` (scale, isScalingEvent), `util/deployment_util.go`
 * (GetReplicaSetProportion).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Deployment, ReplicaSet, Stored } from '#kit/api/objects.ts'
import { DESIRED_REPLICAS } from './revisions.ts'
import { allReplicaSets, type Rollout, type RolloutStep, replicasOf } from './rollout.ts'

/** Whether the user has scaled the Deployment since its ReplicaSets were last scaled. Given. */
export function isScaled(rollout: Rollout): boolean {
  const wanted = String(replicasOf(rollout.deployment))
  return allReplicaSets(rollout).some(
    (replicaSet) =>
      replicasOf(replicaSet) > 0 && (replicaSet.metadata.annotations?.[DESIRED_REPLICAS] ?? wanted) !== wanted,
  )
}

/**
 * The sizes after the user has scaled. A single ReplicaSet with replicas (or none: then the newest) simply gets the
 * wanted number. When the new one is complete the old ones get 0. In the middle of a rolling update:
 * `proportionalSizes`. Given.
 */
export function scalingStep(rollout: Rollout): RolloutStep {
  const { deployment, newReplicaSet, oldReplicaSets } = rollout
  const wanted = replicasOf(deployment)
  const active = allReplicaSets(rollout).filter((replicaSet) => replicasOf(replicaSet) > 0)
  if (active.length <= 1) {
    const only = active[0] ?? newReplicaSet ?? oldReplicaSets.at(-1)
    return { scaleTo: only ? { [only.metadata.name]: wanted } : {} }
  }
  const saturated =
    newReplicaSet && replicasOf(newReplicaSet) === wanted && newReplicaSet.status?.availableReplicas === wanted
  if (saturated) return { scaleTo: Object.fromEntries(oldReplicaSets.map(({ metadata }) => [metadata.name, 0])) }
  const recreates = deployment.spec?.strategy?.type === 'Recreate'
  return { scaleTo: recreates ? {} : proportionalSizes(deployment, active) }
}

/**
 * The new size of each ReplicaSet. All together shall ask for `replicas + maxSurge` (0 when 0 are wanted). A ReplicaSet
 * that had a share of the former total (its annotation `max-replicas`) gets the same share of the new total, rounded;
 * never more than what is left of the change. The largest is served first and gets what the rounding leaves over; among
 * equals it is the newest when growing, the oldest when shrinking.
 *
 * @param active ReplicaSets with replicas, at least two
 *
 * @lab 4.5 Share a change among the ReplicaSets
 */
export function proportionalSizes(
  deployment: Deployment,
  active: readonly Stored<ReplicaSet>[],
): Record<string, number> {
  throw new NotImplemented(
    '4.5',
    'proportionalSizes',
    'Share a change among the ReplicaSets',
    'labs/04-controllers/src/deployment/proportions.ts',
  )
}
