/**
 * Strategy Recreate: all old pods go, then the new ones come. For what cannot run twice, at the price of a gap.
 *
 * Guarantee: no pod of the new template is created while one of an old template may still run.
 * Source: kubernetes `pkg/controller/deployment/recreate.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod, Stored } from '#kit/api/objects.ts'
import type { Rollout, RolloutStep } from './rollout.ts'

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
  throw new NotImplemented(
    '4.4',
    'recreateStep',
    'Replace all pods at once',
    'labs/04-controllers/src/deployment/recreate.ts',
  )
}
