/**
 * Strategy Recreate: all old pods go, then the new ones come. For what cannot run twice, at the price of a gap.
 *
 * Guarantee: no pod of the new template is created while one of an old template may still run.
 * Source: kubernetes `pkg/controller/deployment/recreate.go`.
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { controllerOf } from '#kit/api/objects.ts'
import { isFinished } from '../pods.ts'
import { type Rollout, type RolloutStep, replicasOf } from './rollout.ts'

/**
 * The next step: scale every old ReplicaSet to 0; wait (an empty step) until each pod that they own is finished or
 * gone, a terminating one still runs; then create the new ReplicaSet, or scale it, to the wanted size. Nothing to do:
 * an empty step.
 *
 * @param pods of all the Deployment's ReplicaSets
 *
 * @lab 4.4 Replace all pods at once
 */
export function recreateStep(rollout: Rollout, pods: readonly Stored<Pod>[]): RolloutStep {
  const { deployment, newReplicaSet, oldReplicaSets } = rollout
  const stillWanted = oldReplicaSets.filter((old) => replicasOf(old) > 0)
  if (stillWanted.length > 0)
    return { scaleTo: Object.fromEntries(stillWanted.map(({ metadata }) => [metadata.name, 0])) }

  const oldPods = pods.filter((pod) => controllerOf(pod)?.uid !== newReplicaSet?.metadata.uid)
  if (oldPods.some((pod) => !isFinished(pod))) return { scaleTo: {} }

  const wanted = replicasOf(deployment)
  if (!newReplicaSet) return { createWith: wanted, scaleTo: {} }
  return { scaleTo: replicasOf(newReplicaSet) === wanted ? {} : { [newReplicaSet.metadata.name]: wanted } }
}
