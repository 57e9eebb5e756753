/**
 * From the objects that users write to the bindings that are evaluated: each binding with the rules of its role.
 *
 * A binding refers to its role by name and nothing else. The role may not be there (yet): then the binding gives nothing, and
 * begins to when the role comes. Nobody has to be told.
 *
 * Source: kubernetes `pkg/registry/rbac/validation/rule.go` (DefaultRuleResolver), `plugin/pkg/auth/authorizer/rbac`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiObject, LabelSelector } from '#kit/api/objects.ts'
import type { PolicyRule, RoleBinding } from './rbac.ts'

/** A Role (with a namespace) or a ClusterRole (without). */
export interface RoleObject extends ApiObject {
  rules?: readonly PolicyRule[] | null
  /** ClusterRoles only: its rules are those of all roles that these select. */
  aggregationRule?: { readonly clusterRoleSelectors?: readonly LabelSelector[] }
}

/** A RoleBinding (with a namespace) or a ClusterRoleBinding (without). */
export interface BindingObject extends ApiObject {
  roleRef: { readonly apiGroup?: string; readonly kind: string; readonly name: string }
  subjects?: readonly Subject[]
}

export interface Subject {
  readonly kind: string
  readonly apiGroup?: string
  readonly name: string
  /** Of a ServiceAccount. */
  readonly namespace?: string
}

/** "system:serviceaccount:shop:robot": the name of an account as a user. */
export function serviceAccountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`
}

/**
 * The bindings, ready to be evaluated: for every binding whose role is among `roles` one `RoleBinding` with
 * - the names of its subjects of kind User, and (as `serviceAccountUser` makes it) of kind ServiceAccount, as `users`; those
 *   of kind Group as `groups`. An account without a namespace is of the binding's own;
 * - the binding's `namespace`, also when the role is a ClusterRole: a role is only a list of rules, and holds where it is
 *   bound. A ClusterRoleBinding has no namespace, and leaves it out;
 * - the role's `rules`. A role of kind Role is one of the binding's namespace; one of kind ClusterRole has no namespace.
 *
 * @lab 2.11 Find the role of each binding
 */
export function resolveBindings(bindings: readonly BindingObject[], roles: readonly RoleObject[]): RoleBinding[] {
  throw new NotImplemented(
    '2.11',
    'resolveBindings',
    'Find the role of each binding',
    'labs/02-apiserver/src/auth/role-objects.ts',
  )
}
