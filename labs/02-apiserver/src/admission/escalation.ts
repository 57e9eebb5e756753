/**
 * Who may write roles could give themselves everything. So nobody gives away what they do not have: a role, or a binding to a
 * role, is only written by somebody who holds all of its rules already; or who has the verb `escalate` on the role, or `bind`.
 *
 * (Upstream has this check in its storage of roles and bindings; the chain is where writes meet their writers here.)
 *
 * Source: kubernetes `pkg/registry/rbac/{role,rolebinding}/policybased/storage.go`, `pkg/registry/rbac/validation`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'
import type { Policy } from '../auth/policy-view.ts'
import { isAllowed, type PolicyRule } from '../auth/rbac.ts'
import type { BindingObject, RoleObject } from '../auth/role-objects.ts'
import { describeMissing, rulesOf, uncoveredRules } from '../auth/rule-cover.ts'
import { forbidden, notFound } from '../errors.ts'
import type { AdmissionReview } from './chain.ts'

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** Throws Forbidden when the write would grant more than its writer has. */
export function checkEscalation(review: AdmissionReview, user: UserInfo, draft: ApiObject, policy: Policy): void {
  const { row, name, namespace, old } = review
  const wasAllowedBefore = old && ['rules', 'roleRef', 'subjects', 'aggregationRule'].every(same(old, draft))
  if (wasAllowedBefore || user.groups.includes('system:masters')) return
  const granted =
    'roleRef' in draft
      ? rulesOfBinding(draft as BindingObject, review, user, policy)
      : rulesOfRole(draft, review, user, policy)
  const missing = uncoveredRules(rulesOf(user, namespace, policy.bindings), granted)
  if (missing.length === 0) return
  const groups = user.groups.map((group) => JSON.stringify(group)).join(' ')
  const who = `user ${JSON.stringify(user.name)} (groups=[${groups}])`
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${describeMissing(missing)}`
  throw forbidden(row.resource, name, why)
}

const same = (a: ApiObject, b: ApiObject) => (field: string) => isDeepStrictEqual(a[field] ?? null, b[field] ?? null)

/** What a role would grant; nothing, for somebody who may escalate. */
function rulesOfRole(
  draft: ApiObject,
  { row, namespace, name }: AdmissionReview,
  user: UserInfo,
  policy: Policy,
): readonly PolicyRule[] {
  const { rules, aggregationRule } = draft as RoleObject
  if (isAllowed(user, verbOn('escalate', row.resource.plural, namespace, name), policy.bindings)) return []
  // It may gather anything, from roles that are not written yet.
  if (aggregationRule && uncoveredRules(rulesOf(user, '', policy.bindings), EVERYTHING).length > 0) {
    throw forbidden(row.resource, name, 'must have cluster-admin privileges to use an aggregationRule')
  }
  return rules ?? []
}

/** What a binding would grant; nothing, for somebody who may bind this role. */
function rulesOfBinding(
  { roleRef }: BindingObject,
  { namespace }: AdmissionReview,
  user: UserInfo,
  policy: Policy,
): readonly PolicyRule[] {
  const kind = roleRef.kind === 'Role' ? resources.roles : resources.clusterRoles
  if (isAllowed(user, verbOn('bind', kind.plural, namespace, roleRef.name), policy.bindings)) return []
  const home = roleRef.kind === 'Role' ? namespace : ''
  const role = policy.roles.find(
    ({ metadata }) => metadata?.name === roleRef.name && (metadata.namespace ?? '') === home,
  )
  if (!role) throw notFound(kind, roleRef.name)
  return role.rules ?? []
}

function verbOn(verb: string, resource: string, namespace: string, name: string): RequestInfo {
  const { group: apiGroup, version: apiVersion } = resources.roles
  return {
    isResourceRequest: true,
    verb,
    path: '',
    apiPrefix: 'apis',
    apiGroup,
    apiVersion,
    namespace,
    resource,
    subresource: '',
    name,
  }
}
