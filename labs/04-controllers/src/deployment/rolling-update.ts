/**
 * Strategy RollingUpdate: a few new pods, then a few old ones less, and again.
 *
 * Guarantees: never more than `replicas + maxSurge` pods are asked for; no available pod is taken away that would leave
 * fewer than `replicas - maxUnavailable`; pods that are not available anyway go first.
 * Source: kubernetes `pkg/controller/deployment/rolling.go`, `util/deployment_util.go` (NewRSNewReplicas).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import { type Rollout, type RolloutStep, replicasOf } from './rollout.ts'

/** The next step: the new ReplicaSet grows if it may; otherwise the old ones shrink if they may. Given. */
export function rollingUpdateStep(rollout: Rollout): RolloutStep {
  const { newReplicaSet } = rollout
  const size = newReplicaSetSize(rollout)
  if (!newReplicaSet) return { createWith: size, scaleTo: {} }
  if (size !== replicasOf(newReplicaSet)) return { scaleTo: { [newReplicaSet.metadata.name]: size } }
  return { scaleTo: oldReplicaSetSizes(rollout) }
}

/**
 * How many replicas the new ReplicaSet shall have now. It grows towards the wanted number as far as the surge leaves
 * room: all ReplicaSets together may ask for `replicas + maxSurge`. It never has more than wanted. Without a new
 * ReplicaSet: how many it shall be created with.
 *
 * @lab 4.5 Grow the new ReplicaSet
 */
export function newReplicaSetSize(rollout: Rollout): number {
  throw new NotImplemented(
    '4.5',
    'newReplicaSetSize',
    'Grow the new ReplicaSet',
    'labs/04-controllers/src/deployment/rolling-update.ts',
  )
}

/**
 * The old ReplicaSets that shall shrink now, with their new sizes.
 *
 * The budget: assume that those pods of the new ReplicaSet which are not available never will be. Then so many may go
 * that the rest is `replicas - maxUnavailable`, which makes
 *
 *     budget = all replicas - (replicas - maxUnavailable) - new replicas that are not available
 *
 * It is spent first on the replicas of old ReplicaSets that are not available (nobody misses them), then on their
 * available ones; each time the oldest ReplicaSet first.
 *
 * @lab 4.5 Shrink the old ReplicaSets
 */
export function oldReplicaSetSizes(rollout: Rollout): Record<string, number> {
  throw new NotImplemented(
    '4.5',
    'oldReplicaSetSizes',
    'Shrink the old ReplicaSets',
    'labs/04-controllers/src/deployment/rolling-update.ts',
  )
}
