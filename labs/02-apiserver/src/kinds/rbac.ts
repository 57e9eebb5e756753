/**
 * Roles and bindings as objects: who writes them decides what others may do (step 2.11 reads them, and
 * admission/escalation.ts looks after who may write them).
 *
 * Source: kubernetes `pkg/apis/rbac/{v1/defaults.go,validation/validation.go}`, `pkg/registry/rbac`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { type Resource, resources } from '#kit/api/resources.ts'
import type { FieldError, KindRow, Verb } from '#kit/contracts/apiserver.ts'
import type { BindingObject, RoleObject } from '../auth/role-objects.ts'
import { forbiddenField, goValue, invalidValue, notSupported, required } from '../validation/field-errors.ts'

const VERBS: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const GROUP = resources.roles.group
const SUBJECT_KINDS = ['ServiceAccount', 'User', 'Group']

export const rbacRows: readonly KindRow[] = [
  bindingRow(resources.clusterRoleBindings),
  roleRow(resources.clusterRoles),
  bindingRow(resources.roleBindings),
  roleRow(resources.roles),
]

function roleRow(resource: Resource): KindRow {
  return {
    resource,
    verbs: VERBS,
    subresources: [],
    storagePrefix: resource.plural,
    nameFormat: 'path-segment',
    applyDefaults(draft) {
      draft.rules ??= null
    },
    validate: (role) =>
      ((role as RoleObject).rules ?? []).flatMap((rule, i) => validateRule(rule, i, resource.namespaced)),
  }
}

type Rule = NonNullable<RoleObject['rules']>[number]

function validateRule(rule: Rule, index: number, namespaced: boolean): FieldError[] {
  const at = `rules[${index}]`
  const { verbs, apiGroups = [], resources: named = [], resourceNames = [], nonResourceURLs = [] } = rule
  const errors: FieldError[] = []
  if (!verbs?.length) errors.push(required(`${at}.verbs`, 'verbs must contain at least one value'))
  if (nonResourceURLs.length > 0) {
    const shown = goValue(nonResourceURLs)
    if (namespaced) {
      const why = 'namespaced rules cannot apply to non-resource URLs'
      errors.push(invalidValue(`${at}.nonResourceURLs`, shown, why))
    }
    if (apiGroups.length + named.length + resourceNames.length > 0) {
      const why = 'rules cannot apply to both regular resources and non-resource URLs'
      errors.push(invalidValue(`${at}.nonResourceURLs`, shown, why))
    }
    return errors
  }
  if (apiGroups.length === 0) {
    errors.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'))
  }
  if (named.length === 0) {
    errors.push(required(`${at}.resources`, 'resource rules must supply at least one resource'))
  }
  return errors
}

function bindingRow(resource: Resource): KindRow {
  return {
    resource,
    verbs: VERBS,
    subresources: [],
    storagePrefix: resource.plural,
    nameFormat: 'path-segment',
    applyDefaults: applyBindingDefaults,
    validate: (binding) => validateBinding(binding as BindingObject, resource.namespaced),
    validateUpdate: validateBindingUpdate,
  }
}

function applyBindingDefaults(draft: ApiObject): void {
  const binding = draft as BindingObject
  if (binding.roleRef) binding.roleRef = { ...binding.roleRef, apiGroup: binding.roleRef.apiGroup || GROUP }
  if (!binding.subjects) return
  binding.subjects = binding.subjects.map((subject) =>
    subject.kind === 'ServiceAccount' || subject.apiGroup ? subject : { ...subject, apiGroup: GROUP },
  )
}

function validateBinding({ roleRef, subjects }: BindingObject, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = []
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
  if (roleRef?.apiGroup !== GROUP) errors.push(notSupported('roleRef.apiGroup', roleRef?.apiGroup, [GROUP]))
  if (!kinds.includes(roleRef?.kind ?? '')) errors.push(notSupported('roleRef.kind', roleRef?.kind, kinds))
  if (!roleRef?.name) errors.push(required('roleRef.name'))
  for (const [i, { kind, name, namespace }] of (subjects ?? []).entries()) {
    if (!name) errors.push(required(`subjects[${i}].name`))
    if (!SUBJECT_KINDS.includes(kind)) errors.push(notSupported(`subjects[${i}].kind`, kind, SUBJECT_KINDS))
    if (kind === 'ServiceAccount' && !namespace && !namespaced) errors.push(required(`subjects[${i}].namespace`))
    if (kind !== 'ServiceAccount' && namespace) {
      errors.push(forbiddenField(`subjects[${i}].namespace`, `may not be set for ${kind}`))
    }
  }
  return errors
}

/** Who was given a binding was given this role: another role needs another binding. */
function validateBindingUpdate(object: ApiObject, old: Stored<ApiObject>): FieldError[] {
  const { roleRef } = object as BindingObject
  if (isDeepStrictEqual(roleRef, (old as Stored<BindingObject>).roleRef)) return []
  const { apiGroup = '', kind, name } = roleRef
  const shown = `rbac.RoleRef{APIGroup:"${apiGroup}", Kind:"${kind}", Name:"${name}"}`
  return [invalidValue('roleRef', shown, 'cannot change roleRef')]
}
