/**
 * How far a rollout may leave the wanted number of pods: `maxSurge` above it, `maxUnavailable` below it.
 *
 * Source: kubernetes `pkg/controller/deployment/util/deployment_util.go` (ResolveFenceposts, MaxSurge, MaxUnavailable).
 */
import type { Deployment } from '#kit/api/objects.ts'
import { replicasOf } from './rollout.ts'

export interface Fenceposts {
  readonly maxSurge: number
  readonly maxUnavailable: number
}

/**
 * Both limits as numbers of pods. A percentage is of `replicas`; the surge is rounded up and the unavailability down,
 * so that both roundings err on the side of availability. If both come out as 0 no step would ever be possible: then
 * `maxUnavailable` is 1.
 *
 * @param maxSurge a number or a percentage such as "25%"
 *
 * @lab 4.5 Turn percentages into numbers of pods
 */
export function resolveFenceposts(
  maxSurge: number | string,
  maxUnavailable: number | string,
  replicas: number,
): Fenceposts {
  const share = (limit: number | string, round: (pods: number) => number) =>
    typeof limit === 'number' ? limit : round((Number.parseInt(limit, 10) * replicas) / 100)
  const surge = share(maxSurge, Math.ceil)
  const unavailable = share(maxUnavailable, Math.floor)
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable }
}

/** Pods above `replicas` that may exist during a rolling update; 0 for Recreate. Given. */
export function maxSurge(deployment: Deployment): number {
  return fencepostsOf(deployment).maxSurge
}

/**
 * Pods below `replicas` that may be missing during a rolling update, never more than there are; 0 for Recreate. Given.
 */
export function maxUnavailable(deployment: Deployment): number {
  return Math.min(fencepostsOf(deployment).maxUnavailable, replicasOf(deployment))
}

function fencepostsOf(deployment: Deployment): Fenceposts {
  const { type = 'RollingUpdate', rollingUpdate } = deployment.spec?.strategy ?? {}
  if (type !== 'RollingUpdate') return { maxSurge: 0, maxUnavailable: 0 }
  const { maxSurge = '25%', maxUnavailable = '25%' } = rollingUpdate ?? {}
  return resolveFenceposts(maxSurge, maxUnavailable, replicasOf(deployment))
}
