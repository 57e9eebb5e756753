/**
 * Roles made of other roles: `admin`, `edit` and `view` grow when somebody adds a role with the right label.
 *
 * Upstream has a controller that copies the rules; here the server does it when it reads the roles, and then writes down what
 * it found, for people to read.
 *
 * Source: kubernetes `pkg/controller/clusterroleaggregation`.
 */
import { isDeepStrictEqual } from 'node:util'
import { matchesLabelSelector } from '#kit/api/selectors.ts'
import type { PolicyRule } from './rbac.ts'
import type { RoleObject } from './role-objects.ts'

/** The same roles, those with an aggregation rule with the rules of the roles that they are made of. */
export function withAggregatedRules(roles: readonly RoleObject[]): RoleObject[] {
  const byName = new Map(roles.map((role) => [role.metadata?.name ?? '', role]))
  return roles.map((role) => (role.aggregationRule ? { ...role, rules: aggregatedRules(role, byName, []) } : role))
}

/** Roles may be made of roles that are made of roles; `above` are those that are being made. */
function aggregatedRules(
  role: RoleObject,
  roles: ReadonlyMap<string, RoleObject>,
  above: readonly RoleObject[],
): readonly PolicyRule[] {
  if (!role.aggregationRule || above.includes(role)) return role.aggregationRule ? [] : (role.rules ?? [])
  const selectors = role.aggregationRule.clusterRoleSelectors ?? []
  const rules: PolicyRule[] = []
  for (const part of [...roles.values()].sort(byRoleName)) {
    if (part === role || !selectors.some((selector) => matchesLabelSelector(selector, part.metadata?.labels))) continue
    for (const rule of aggregatedRules(part, roles, [...above, role])) {
      if (!rules.some((known) => isDeepStrictEqual(known, rule))) rules.push(rule)
    }
  }
  return rules
}

function byRoleName(a: RoleObject, b: RoleObject): number {
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1
}
