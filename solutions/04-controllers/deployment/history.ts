/**
 * Old ReplicaSets are kept for `kubectl rollout undo`, but not for ever.
 *
 * Source: kubernetes `pkg/controller/deployment/sync.go` (cleanupDeployment).
 */
import type { ReplicaSet, Stored } from '#kit/api/objects.ts'
import { revisionOf } from './revisions.ts'
import { type Rollout, replicasOf } from './rollout.ts'

/**
 * The old ReplicaSets beyond `revisionHistoryLimit` (default 10), lowest revision first. One that still has or wants
 * pods, has not seen its own latest spec (`generation` above `observedGeneration`) or is being deleted is passed over,
 * though it counts.
 *
 * @lab 4.5 Forget old revisions
 */
export function obsoleteReplicaSets({ deployment, oldReplicaSets }: Rollout): readonly Stored<ReplicaSet>[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10
  const kept = oldReplicaSets.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const byRevision = [...kept].sort((one, other) => revisionOf(one) - revisionOf(other))
  return byRevision
    .slice(0, Math.max(0, kept.length - limit))
    .filter(
      (old) =>
        replicasOf(old) === 0 &&
        (old.status?.replicas ?? 0) === 0 &&
        (old.metadata.generation ?? 0) <= (old.status?.observedGeneration ?? 0),
    )
}
