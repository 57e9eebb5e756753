/**
 * The quota controller counts again. The API server charges a quota before it creates something, and never gives back: that
 * something is gone, or was never created after all, is only seen by looking at what there is. Given.
 *
 * Source: kubernetes `pkg/controller/resourcequota/resource_quota_controller.go` (syncResourceQuota).
 */
import type { ApiObject, ResourceQuota, Stored } from '#kit/api/objects.ts'
import type { Resource } from '#kit/api/resources.ts'
import type { Decision } from '#kit/contracts/controllers.ts'
import { sameAmounts } from '#kit/counting/amounts.ts'
import { totalUsage } from '#kit/counting/usage.ts'

export interface QuotaWorld {
  readonly quota: Stored<ResourceQuota>
  /** Everything in its namespace that it may count. */
  readonly objects: Iterable<readonly [Resource, ApiObject]>
  readonly nowMs: number
}

export function reconcileQuota({ quota, objects, nowMs }: QuotaWorld): Decision {
  const hard = quota.spec?.hard ?? {}
  const used = totalUsage(quota, objects, nowMs)
  const isSettled =
    quota.status?.hard !== undefined && sameAmounts(quota.status.hard, hard) && sameAmounts(quota.status.used, used)
  if (isSettled) return { actions: [] }
  const object: Stored<ResourceQuota> = { ...quota, status: { hard, used: { ...used } } }
  return { actions: [{ do: 'update', resource: 'resourceQuotas', subresource: 'status', object }] }
}
