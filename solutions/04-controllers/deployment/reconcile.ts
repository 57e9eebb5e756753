/**
 * One look at a Deployment: sort its ReplicaSets, choose what to do, say what to write. Given; its parts are written in
 * steps 4.4 and 4.5.
 *
 * Guarantee: each look does one small step. The writes change the world, the change brings the next look.
 * Source: kubernetes `pkg/controller/deployment/deployment_controller.go` (syncDeployment).
 */
import { isDeepStrictEqual } from 'node:util'
import type { Deployment, DeploymentStatus, Pod, ReplicaSet, Stored } from '#kit/api/objects.ts'
import type { Action, Decision, DeleteAction, UpdateAction } from '#kit/contracts/controllers.ts'
import { claim, claimPatches } from '../claims.ts'
import { obsoleteReplicaSets } from './history.ts'
import { isScaled, scalingStep } from './proportions.ts'
import { recreateStep } from './recreate.ts'
import { createReplicaSet, newReplicaSetName, updateReplicaSets } from './replica-set-writes.ts'
import { REVISION, revisionOf } from './revisions.ts'
import { rollingUpdateStep } from './rolling-update.ts'
import { type Rollout, type RolloutStep, replicasOf, rolloutOf } from './rollout.ts'
import { availability, countReplicas, pausing, progress, type Verdict, withCondition } from './status.ts'

export interface DeploymentWorld {
  readonly deployment: Stored<Deployment>
  /** All ReplicaSets of the namespace. */
  readonly replicaSets: readonly Stored<ReplicaSet>[]
  /** Pods of the Deployment's ReplicaSets. */
  readonly pods: readonly Stored<Pod>[]
  readonly nowMs: number
}

const NOTHING: RolloutStep = { scaleTo: {} }

export function reconcileDeployment(world: DeploymentWorld): Decision {
  const { deployment, replicaSets, pods, nowMs } = world
  const claims = claim(deployment, deployment.spec?.selector, replicaSets)
  const rollout = rolloutOf(deployment, claims.claimed)
  const adoption = claimPatches('replicaSets', deployment, claims)
  if (deployment.metadata.deletionTimestamp)
    return { actions: [...adoption, ...updateStatus(rollout, undefined, nowMs)] }

  const step = nextStep(rollout, pods)
  if (step.createWith !== undefined && isTaken(rollout, replicaSets)) {
    return { actions: [...adoption, raiseCollisionCount(deployment)] }
  }
  const creation = step.createWith === undefined ? [] : [createReplicaSet(rollout, step.createWith)]
  const actions: Action[] = [
    ...adoption,
    ...creation,
    ...updateReplicaSets(rollout, step),
    ...updateStatus(rollout, verdictOnProgress(rollout, creation.length > 0, nowMs), nowMs),
    ...updateRevision(rollout, creation[0]?.object.metadata?.annotations?.[REVISION]),
    ...(isComplete(rollout) || deployment.spec?.paused ? obsoleteReplicaSets(rollout).map(deletion) : []),
  ]
  const requeueAfterMs = msUntilDeadline(deployment, nowMs)
  return requeueAfterMs === undefined ? { actions } : { actions, requeueAfterMs }
}

/** A user who scales, or has paused the rollout, comes before the rollout. */
function nextStep(rollout: Rollout, pods: readonly Stored<Pod>[]): RolloutStep {
  const { spec } = rollout.deployment
  if (isScaled(rollout)) return scalingStep(rollout)
  if (spec?.paused) return NOTHING
  return spec?.strategy?.type === 'Recreate' ? recreateStep(rollout, pods) : rollingUpdateStep(rollout)
}

/**
 * The name of the ReplicaSet to create belongs to another one: two templates with the same hash, or another owner's.
 */
function isTaken({ deployment }: Rollout, replicaSets: readonly Stored<ReplicaSet>[]): boolean {
  const name = newReplicaSetName(deployment)
  return replicaSets.some(({ metadata }) => metadata.name === name)
}

function raiseCollisionCount(deployment: Stored<Deployment>): UpdateAction {
  const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 }
  return {
    do: 'update',
    resource: 'deployments',
    subresource: 'status',
    object: { ...deployment, status } as Deployment,
  }
}

function verdictOnProgress(rollout: Rollout, creates: boolean, nowMs: number): Verdict | undefined {
  const { deployment, newReplicaSet } = rollout
  const paused = pausing(deployment)
  if (paused || deployment.spec?.paused) return paused
  if (creates) {
    const message = `Created new replica set "${newReplicaSetName(deployment)}"`
    return { status: 'True', reason: 'NewReplicaSetCreated', message }
  }
  const verdict = progress(rollout, countReplicas(rollout), nowMs)
  const known = deployment.status?.conditions?.some(({ type }) => type === 'Progressing')
  if (verdict || known || !newReplicaSet) return verdict
  const message = `Found new replica set "${newReplicaSet.metadata.name}"`
  return { status: 'True', reason: 'FoundNewReplicaSet', message }
}

/** The status write, if the status is not right already. */
function updateStatus(rollout: Rollout, verdict: Verdict | undefined, nowMs: number): UpdateAction[] {
  const { deployment } = rollout
  const { collisionCount, conditions = [] } = deployment.status ?? {}
  const counts = countReplicas(rollout)
  const available = withCondition(conditions, 'Available', availability(deployment, counts), nowMs)
  const status: DeploymentStatus = {
    ...(deployment.metadata.generation !== undefined && { observedGeneration: deployment.metadata.generation }),
    ...counts,
    conditions: withCondition(available, 'Progressing', verdict, nowMs),
    ...(collisionCount !== undefined && { collisionCount }),
  }
  if (isDeepStrictEqual(status, deployment.status)) return []
  const object = { ...deployment, status } as Deployment
  return [{ do: 'update', resource: 'deployments', subresource: 'status', object }]
}

/** The Deployment shows its current revision, which is its new ReplicaSet's. By the status's door: by the other one it would be a new wish. */
function updateRevision({ deployment, newReplicaSet }: Rollout, created: string | undefined): Action[] {
  const revision = created ?? newReplicaSet?.metadata.annotations?.[REVISION]
  if (revision === undefined || String(revisionOf(deployment)) === revision) return []
  const { namespace, name } = deployment.metadata
  const patch = { metadata: { annotations: { [REVISION]: revision } } }
  const target = { resource: 'deployments', namespace, name, subresource: 'status' } as const
  return [{ do: 'patch', ...target, type: 'application/merge-patch+json', patch }]
}

function isComplete(rollout: Rollout): boolean {
  const wanted = replicasOf(rollout.deployment)
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = countReplicas(rollout)
  return replicas === wanted && updatedReplicas === wanted && availableReplicas === wanted
}

function deletion({ metadata: { namespace, name } }: Stored<ReplicaSet>): DeleteAction {
  return { do: 'delete', resource: 'replicaSets', namespace, name }
}

/** Nothing happens when a deadline passes, so somebody has to look at the clock. */
function msUntilDeadline({ spec, status }: Deployment, nowMs: number): number | undefined {
  const progressing = status?.conditions?.find(({ type }) => type === 'Progressing')
  if (!progressing || spec?.paused) return undefined
  if (progressing.reason === 'NewReplicaSetAvailable' || progressing.reason === 'ProgressDeadlineExceeded')
    return undefined
  const sinceMs = Date.parse(progressing.lastUpdateTime ?? '')
  return Math.max(0, sinceMs + (spec?.progressDeadlineSeconds ?? 600) * 1000 - nowMs) + 1_000
}
