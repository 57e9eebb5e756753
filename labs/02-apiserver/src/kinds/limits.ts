/** ResourceQuotas and LimitRanges. Source: kubernetes `pkg/apis/core/v1/defaults.go` (SetDefaults_LimitRangeItem, SetDefaults_ResourceList). */
import type { ApiObject, LimitRange, ResourceQuota } from '#kit/api/objects.ts'
import { canonicalAmounts } from './pod-defaults.ts'

export function applyResourceQuotaDefaults(draft: ApiObject): void {
  const { spec, status } = draft as ResourceQuota
  if (spec?.hard) spec.hard = canonicalAmounts(spec.hard)
  if (status?.hard) status.hard = canonicalAmounts(status.hard)
  if (status?.used) status.used = canonicalAmounts(status.used)
}

/** For containers: who names no default limit means the maximum, who names no default request means the limit, or the minimum. */
export function applyLimitRangeDefaults(draft: ApiObject): void {
  for (const item of (draft as LimitRange).spec?.limits ?? []) {
    for (const field of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const) {
      const amounts = item[field]
      if (amounts) item[field] = canonicalAmounts(amounts)
    }
    if (item.type !== 'Container') continue
    const limits = { ...item.max, ...item.default }
    const requests = { ...item.min, ...limits, ...item.defaultRequest }
    if (Object.keys(limits).length > 0) item.default = limits
    if (Object.keys(requests).length > 0) item.defaultRequest = requests
  }
}
