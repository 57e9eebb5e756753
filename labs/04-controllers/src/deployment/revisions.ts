/**
 * Revisions: the numbers that `kubectl rollout history` lists and `kubectl rollout undo` goes back to. They live in
 * annotations of the ReplicaSets, each of which keeps a former template.
 *
 * Source: kubernetes `pkg/controller/deployment/util/deployment_util.go` (SetNewReplicaSetAnnotations, MaxRevision).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Deployment, ReplicaSet, Stored } from '#kit/api/objects.ts'
import { maxSurge } from './fenceposts.ts'
import { replicasOf } from './rollout.ts'

export const REVISION = 'deployment.kubernetes.io/revision'
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'

/** Annotations of the Deployment that mean something there and nothing on its ReplicaSets. */
const NOT_INHERITED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
])

/** 0 when there is none or it is not a number. Given. */
export function revisionOf(object: { metadata?: { annotations?: Record<string, string> } }): number {
  return Number.parseInt(object.metadata?.annotations?.[REVISION] ?? '', 10) || 0
}

/**
 * The annotations that the new ReplicaSet shall have: those it has, the Deployment's (except those about revisions and
 * `last-applied-configuration`), and its revision.
 *
 * The newest template has the highest revision: one more than the highest of the old ReplicaSets. A ReplicaSet that
 * already is higher keeps its own. One that gets a new revision, because an undo made it the new one again, remembers
 * the revision it had in `revision-history`, a list with commas.
 *
 * @lab 4.4 Number the revisions
 */
export function revisionAnnotations(
  deployment: Deployment,
  newReplicaSet: Stored<ReplicaSet> | undefined,
  oldReplicaSets: readonly Stored<ReplicaSet>[],
): Record<string, string> {
  throw new NotImplemented(
    '4.4',
    'revisionAnnotations',
    'Number the revisions',
    'labs/04-controllers/src/deployment/revisions.ts',
  )
}

/**
 * What the Deployment asked for when this ReplicaSet was last scaled. When it asks for something else now, it was
 * scaled by its user, and not by the rollout. Given.
 */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const desired = replicasOf(deployment)
  return { [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(desired + maxSurge(deployment)) }
}
