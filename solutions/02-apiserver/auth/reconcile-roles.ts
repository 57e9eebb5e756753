/**
 * What a server's own roles have lost since it last ran, or what a newer version of it needs besides, comes back when it starts.
 * What an administrator has added stays. Who wants neither says so with an annotation.
 *
 * Source: kubernetes `pkg/registry/rbac/reconciliation/{reconcile_role,reconcile_rolebindings}.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject } from '#kit/api/objects.ts'
import type { BindingObject, RoleObject } from './role-objects.ts'
import { uncoveredRules } from './rule-cover.ts'

const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate'

/** The object with what is missing in it; undefined when nothing is, or when it is not ours to change. */
export function reconciled(existing: ApiObject, wanted: ApiObject): ApiObject | undefined {
  if (existing.metadata?.annotations?.[AUTO_UPDATE] === 'false') return undefined
  const object = {
    ...existing,
    ...('roleRef' in wanted
      ? subjectsOf(existing as BindingObject, wanted as BindingObject)
      : rulesOf(existing, wanted)),
    metadata: {
      ...existing.metadata,
      labels: { ...existing.metadata?.labels, ...wanted.metadata?.labels },
      annotations: { ...existing.metadata?.annotations, ...wanted.metadata?.annotations },
    },
  }
  return isDeepStrictEqual(object, existing) ? undefined : object
}

/** What an aggregated role gathers is not said here, only from whom. */
function rulesOf(existing: RoleObject, wanted: RoleObject): Partial<RoleObject> {
  if (wanted.aggregationRule) {
    const [now, then] = [existing, wanted].map(({ aggregationRule }) => aggregationRule?.clusterRoleSelectors ?? [])
    const missing = missingIn(now ?? [], then ?? [])
    return missing.length > 0 ? { aggregationRule: { clusterRoleSelectors: [...(now ?? []), ...missing] } } : {}
  }
  const missing = uncoveredRules(existing.rules ?? [], wanted.rules ?? [])
  return missing.length > 0 ? { rules: [...(existing.rules ?? []), ...missing] } : {}
}

function subjectsOf(existing: BindingObject, wanted: BindingObject): Partial<BindingObject> {
  const missing = missingIn(existing.subjects ?? [], wanted.subjects ?? [])
  return missing.length > 0 ? { subjects: [...(existing.subjects ?? []), ...missing] } : {}
}

function missingIn<T>(found: readonly T[], wanted: readonly T[]): T[] {
  return wanted.filter((one) => !found.some((other) => isDeepStrictEqual(one, other)))
}
