/**
 * The status of a Deployment: what `kubectl rollout status` and `kubectl get deployments` read.
 *
 * Source: kubernetes `pkg/controller/deployment/sync.go` (calculateStatus), `progress.go` (syncRolloutStatus).
 */
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet, Stored } from '#kit/api/objects.ts'
import { maxUnavailable } from './fenceposts.ts'
import { allReplicaSets, type Rollout, replicasOf, totalAvailable, totalReplicas } from './rollout.ts'

/** A condition's content, without its times. */
export interface Verdict {
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

/** The counts, all from the ReplicaSets' own statuses. Zeroes are left out, as upstream does. Given. */
export function countReplicas(rollout: Rollout): DeploymentStatus {
  const all = allReplicaSets(rollout)
  const sum = (field: 'replicas' | 'readyReplicas', of: readonly (Stored<ReplicaSet> | undefined)[]) =>
    of.reduce((total, replicaSet) => total + (replicaSet?.status?.[field] ?? 0), 0)
  const counts: DeploymentStatus = {
    replicas: sum('replicas', all),
    updatedReplicas: sum('replicas', [rollout.newReplicaSet]),
    readyReplicas: sum('readyReplicas', all),
    availableReplicas: totalAvailable(all),
    unavailableReplicas: Math.max(0, totalReplicas(all) - totalAvailable(all)),
  }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
}

/** Enough pods are available for the Deployment to do its work. Given. */
export function availability(deployment: Deployment, counts: DeploymentStatus): Verdict {
  const enough = (counts.availableReplicas ?? 0) >= replicasOf(deployment) - maxUnavailable(deployment)
  return enough
    ? { status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      }
}

/**
 * What the condition Progressing shall say, or undefined to leave it as it is.
 *
 * - Once it says `NewReplicaSetAvailable` and all pods are updated ones, it stays: pods that die later are no rollout.
 * - Complete (as many replicas as wanted, all updated, all available): True, `NewReplicaSetAvailable`,
 *   `ReplicaSet "x" has successfully progressed.`
 * - Progress since the last status (more updated, more ready, more available, or fewer old replicas): True,
 *   `ReplicaSetUpdated`, `ReplicaSet "x" is progressing.`
 * - No progress for `progressDeadlineSeconds` (default 600) since the condition's `lastUpdateTime`: False,
 *   `ProgressDeadlineExceeded`, `ReplicaSet "x" has timed out progressing.` After `NewReplicaSetAvailable` there is
 *   nothing to time out.
 *
 * "x" is the new ReplicaSet's name; without one the subject is `Deployment "its name"`.
 *
 * @param counts from `countReplicas`; the last status is in the rollout's Deployment
 *
 * @lab 4.5 Judge the progress of a rollout
 */
export function progress(rollout: Rollout, counts: DeploymentStatus, nowMs: number): Verdict | undefined {
  const { deployment, newReplicaSet } = rollout
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = counts
  const last = deployment.status ?? {}
  const current = last.conditions?.find(({ type }) => type === 'Progressing')
  const settled = current?.reason === 'NewReplicaSetAvailable'
  if (settled && replicas === updatedReplicas) return undefined

  const subject = newReplicaSet
    ? `ReplicaSet "${newReplicaSet.metadata.name}"`
    : `Deployment "${deployment.metadata.name}"`
  const wanted = replicasOf(deployment)
  if (replicas === wanted && updatedReplicas === wanted && availableReplicas === wanted) {
    const message = `${subject} has successfully progressed.`
    return { status: 'True', reason: 'NewReplicaSetAvailable', message }
  }
  const progressed =
    updatedReplicas > (last.updatedReplicas ?? 0) ||
    readyReplicas > (last.readyReplicas ?? 0) ||
    availableReplicas > (last.availableReplicas ?? 0) ||
    replicas - updatedReplicas < (last.replicas ?? 0) - (last.updatedReplicas ?? 0)
  if (progressed) return { status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.` }

  const deadlineMs = (deployment.spec?.progressDeadlineSeconds ?? 600) * 1000
  if (!current || settled || Date.parse(current.lastUpdateTime ?? '') + deadlineMs >= nowMs) return undefined
  return { status: 'False', reason: 'ProgressDeadlineExceeded', message: `${subject} has timed out progressing.` }
}

/**
 * What pausing and resuming say in the condition Progressing; undefined: nothing. A rollout that timed out stays so.
 * Given.
 */
export function pausing(deployment: Deployment): Verdict | undefined {
  const reason = deployment.status?.conditions?.find(({ type }) => type === 'Progressing')?.reason
  if (reason === 'ProgressDeadlineExceeded') return undefined
  if (deployment.spec?.paused && reason !== 'DeploymentPaused')
    return { status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' }
  if (!deployment.spec?.paused && reason === 'DeploymentPaused')
    return { status: 'Unknown', reason: 'DeploymentResumed', message: 'Deployment is resumed' }
  return undefined
}

/**
 * The conditions with this one set. The same status and reason change nothing, except that progress renews
 * `lastUpdateTime`, from which the deadline counts; `lastTransitionTime` moves only when the status changes. Given.
 */
export function withCondition(
  conditions: readonly DeploymentCondition[],
  type: string,
  verdict: Verdict | undefined,
  nowMs: number,
): DeploymentCondition[] {
  const current = conditions.find((condition) => condition.type === type)
  const same = current?.status === verdict?.status && current?.reason === verdict?.reason
  if (!verdict || (same && verdict.reason !== 'ReplicaSetUpdated')) return [...conditions]
  const now = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
  const lastTransitionTime = current?.status === verdict.status ? (current.lastTransitionTime ?? now) : now
  const { status, reason, message } = verdict
  return [
    ...conditions.filter((condition) => condition.type !== type),
    { type, status, lastUpdateTime: now, lastTransitionTime, reason, message },
  ]
}
