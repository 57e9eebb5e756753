/**
 * Strategy RollingUpdate: a few new pods, then a few old ones less, and again.
 *
 * Guarantees: never more than `replicas + maxSurge` pods are asked for; no available pod is taken away that would leave
 * fewer than `replicas - maxUnavailable`; pods that are not available anyway go first.
 * Source: kubernetes `pkg/controller/deployment/rolling.go`, `util/deployment_util.go` (NewRSNewReplicas).
 */
import type { ReplicaSet, Stored } from '#kit/api/objects.ts'
import { maxSurge, maxUnavailable } from './fenceposts.ts'
import { allReplicaSets, type Rollout, type RolloutStep, replicasOf, totalReplicas } from './rollout.ts'

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
  const wanted = replicasOf(rollout.deployment)
  const current = rollout.newReplicaSet ? replicasOf(rollout.newReplicaSet) : 0
  if (current >= wanted) return wanted
  const room = wanted + maxSurge(rollout.deployment) - totalReplicas(allReplicaSets(rollout))
  return current + Math.min(Math.max(room, 0), wanted - current)
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
  const { deployment, newReplicaSet, oldReplicaSets } = rollout
  const all = allReplicaSets(rollout)
  const mustStay = replicasOf(deployment) - maxUnavailable(deployment)
  const newMissing = newReplicaSet ? replicasOf(newReplicaSet) - (newReplicaSet.status?.availableReplicas ?? 0) : 0
  let budget = totalReplicas(all) - mustStay - newMissing
  const sizes = new Map(oldReplicaSets.map((old) => [old, replicasOf(old)]))

  const shrink = (limit: (old: Stored<ReplicaSet>) => number) => {
    for (const [old, size] of sizes) {
      const fewer = Math.max(0, Math.min(limit(old), size, budget))
      sizes.set(old, size - fewer)
      budget -= fewer
    }
  }
  shrink((old) => replicasOf(old) - (old.status?.availableReplicas ?? 0))
  shrink(() => Number.POSITIVE_INFINITY)

  const changed = [...sizes].filter(([old, size]) => size !== replicasOf(old))
  return Object.fromEntries(changed.map(([old, size]) => [old.metadata.name, size]))
}
