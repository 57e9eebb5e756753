/**
 * Old ReplicaSets are kept for `kubectl rollout undo`, but not for ever.
 *
 * Source: kubernetes `pkg/controller/deployment/sync.go` (cleanupDeployment).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ReplicaSet, Stored } from '#kit/api/objects.ts'
import type { Rollout } from './rollout.ts'

/**
 * The old ReplicaSets beyond `revisionHistoryLimit` (default 10), lowest revision first. One that still has or wants
 * pods, has not seen its own latest spec (`generation` above `observedGeneration`) or is being deleted is passed over,
 * though it counts.
 *
 * @lab 4.5 Forget old revisions
 */
export function obsoleteReplicaSets({ deployment, oldReplicaSets }: Rollout): readonly Stored<ReplicaSet>[] {
  throw new NotImplemented(
    '4.5',
    'obsoleteReplicaSets',
    'Forget old revisions',
    'labs/04-controllers/src/deployment/history.ts',
  )
}
