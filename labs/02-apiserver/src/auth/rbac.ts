/**
 * May they? **Role-based access control**: roles say what may be done, bindings say who has which role. There is no rule
 * that forbids; what no rule allows is forbidden.
 *
 * Rules compare words, they do not interpret them: no prefixes, no patterns, only `*` for "any". (Non-resource URLs alone
 * may end in `*`.) A rule about `pods` says nothing about `pods/log`.
 *
 * Source: kubernetes `pkg/apis/rbac/v1/evaluation_helpers.go`, `plugin/pkg/auth/authorizer/rbac`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'

export interface PolicyRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  // "pods", "pods/log", "*", "*/scale" (the scale of anything).
  readonly resources?: readonly string[]
  /** Left out or empty: all names. */
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

export interface RoleBinding {
  /** Names of users, and of groups. */
  readonly users?: readonly string[]
  readonly groups?: readonly string[]
  /** Left out: the role holds in every namespace, and for what has none. */
  readonly namespace?: string
  readonly rules: readonly PolicyRule[]
}

/**
 * Whether a rule allows what is asked: every part of the request must be in the rule's list for it, or the list must hold
 * `*`.
 *
 * For a resource request: verb, API group, resource (with a subresource the word is "pods/log", which `*`, "pods/log" and
 * a star, slash, "log" match, but "pods" does not) and, when the rule names names, the name; a request without a name (a list, a
 * creation) matches no rule that names names. Such a rule never allows non-resource requests, and the other way round: for
 * those only verb and `nonResourceURLs` count, where "/healthz/*" means everything that begins with "/healthz/".
 *
 * @lab 2.11 Match a rule
 */
export function ruleAllows(rule: PolicyRule, info: RequestInfo): boolean {
  throw new NotImplemented('2.11', 'ruleAllows', 'Match a rule', 'labs/02-apiserver/src/auth/rbac.ts')
}

/**
 * Whether any binding that is the user's (by name or by one of the groups), and that holds in the request's namespace,
 * has a rule that allows it. Members of `system:masters` may do everything, and no binding is asked: so administrators
 * cannot lock themselves out.
 *
 * @lab 2.11 Ask all bindings
 */
export function isAllowed(user: UserInfo, info: RequestInfo, bindings: readonly RoleBinding[]): boolean {
  throw new NotImplemented('2.11', 'isAllowed', 'Ask all bindings', 'labs/02-apiserver/src/auth/rbac.ts')
}
