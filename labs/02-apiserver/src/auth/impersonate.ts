/**
 * Somebody acts as somebody else: an administrator tries out what a user may do, a front end speaks for its users.
 *
 * Each part of the identity must be allowed by itself, with the verb `impersonate`: the user or service account, every group,
 * the uid, every value of `extra`. From then on the request is the other's, and nothing of the caller's rights is left.
 *
 * Source: apiserver `pkg/endpoints/filters/impersonation.go` (WithImpersonation).
 */
import { StatusError } from '#kit/api/status-error.ts'
import type { Impersonation, RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'
import { ANONYMOUS, AUTHENTICATED_GROUP } from './authenticate.ts'
import { type AuthorizerSources, authorize } from './authorize.ts'

const UNAUTHENTICATED_GROUP = 'system:unauthenticated'
const AUTHENTICATION = { apiPrefix: 'apis', apiGroup: 'authentication.k8s.io' }

/** Who the request is from now on. Throws Forbidden when the caller may not be that. */
export async function impersonated(
  caller: UserInfo,
  wanted: Impersonation | undefined,
  sources: AuthorizerSources,
): Promise<UserInfo> {
  if (!wanted) return caller
  const { user, uid, groups, extra } = wanted
  if (!user) throw new StatusError(500, 'InternalError', 'groups, uid or extra are impersonated without a user')
  for (const part of partsOf(wanted)) await authorize(caller, part, sources)
  return {
    name: user,
    ...(uid && { uid }),
    groups: withStanding(user, groups.length > 0 ? groups : groupsOf(user)),
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

/** What must be allowed, one by one. */
function partsOf({ user, uid, groups, extra }: Impersonation): RequestInfo[] {
  const account = accountOf(user)
  const who = account ? part('serviceaccounts', account.name, account) : part('users', user)
  const extras = Object.entries(extra).flatMap(([key, values]) =>
    values.map((value) => part('userextras', value, { ...AUTHENTICATION, subresource: key })),
  )
  return [
    who,
    ...groups.map((group) => part('groups', group)),
    ...extras,
    ...(uid ? [part('uids', uid, AUTHENTICATION)] : []),
  ]
}

function part(resource: string, name: string, more: Partial<RequestInfo> = {}): RequestInfo {
  const { apiPrefix = 'api', apiGroup = '', namespace = '', subresource = '' } = more
  const where = { apiPrefix, apiGroup, apiVersion: 'v1', namespace }
  return { isResourceRequest: true, verb: 'impersonate', path: '', ...where, resource, subresource, name }
}

/** The service account behind a user's name. */
function accountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? []
  return namespace && name ? { namespace, name } : undefined
}

function groupsOf(user: string): readonly string[] {
  const account = accountOf(user)
  return account ? ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`] : []
}

/** Known or unknown: everybody is in one of two groups, unless the caller has said in which. */
function withStanding(user: string, groups: readonly string[]): readonly string[] {
  if (groups.includes(AUTHENTICATED_GROUP) || groups.includes(UNAUTHENTICATED_GROUP)) return groups
  return [...groups, user === ANONYMOUS.name ? UNAUTHENTICATED_GROUP : AUTHENTICATED_GROUP]
}
