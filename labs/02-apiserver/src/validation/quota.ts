/**
 * What is wrong with a ResourceQuota: names that nobody counts, scopes that say nothing about them.
 *
 * Source: kubernetes `pkg/apis/core/validation/validation.go` (ValidateResourceQuota), `pkg/apis/core/helper/helpers.go`.
 */
import type { ApiObject, ResourceQuota, Stored } from '#kit/api/objects.ts'
import { isQuantity, parseQuantity, QuantityError } from '#kit/api/quantity.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import type { Amounts } from '#kit/counting/amounts.ts'
import { invalidValue, required } from './field-errors.ts'
import { qualifiedNameProblem } from './names.ts'

type Quota = NonNullable<ResourceQuota['spec']>

export const COMPUTE: readonly string[] = ['cpu', 'memory', 'ephemeral-storage']
const PIECES = ['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps']
const WHOLE = [...PIECES, 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers']
/** Every name without a domain that a quota may limit. */
export const COUNTED: readonly string[] = [
  ...COMPUTE,
  ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  'requests.storage',
  ...WHOLE,
]

/** What each scope can be asked to count; one that is not here is no scope. */
const BY_SCOPE: Readonly<Record<string, readonly string[]>> = {
  BestEffort: ['pods'],
  ...Object.fromEntries(
    ['Terminating', 'NotTerminating', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'].map((scope) => [
      scope,
      ['pods', ...['cpu', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`])],
    ]),
  ),
}
const OPPOSITES = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const

export function validateResourceQuota(object: ApiObject): readonly FieldError[] {
  const { spec = {} } = object as ResourceQuota
  return [
    ...Object.entries(spec.hard ?? {}).flatMap(([name, amount]) => countProblems(`spec.hard[${name}]`, name, amount)),
    ...scopeProblems(spec),
    ...selectorProblems(spec),
  ]
}

/** What a quota counts may not change under what it has counted. */
export function validateResourceQuotaUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  const scopes = (one: ApiObject) => [...new Set((one as ResourceQuota).spec?.scopes ?? [])]
  const same = scopes(object).sort().join() === scopes(old).sort().join()
  return same ? [] : [invalidValue('spec.scopes', goScopes(scopes(object)), 'field is immutable')]
}

function countProblems(field: string, name: string, amount: string): FieldError[] {
  const shown = JSON.stringify(name)
  const problem = qualifiedNameProblem(name)
  if (problem) return [invalidValue(field, shown, problem)]
  const isHuge = name.startsWith('hugepages-') || name.startsWith('requests.hugepages-')
  if (!name.includes('/') && !COUNTED.includes(name) && !isHuge) {
    const texts = ['must be a standard resource type or fully qualified', 'must be a standard resource for quota']
    // Storage itself is a resource, but nothing that a quota counts.
    return texts.slice(name === 'storage' ? 1 : 0).map((text) => invalidValue(field, shown, text))
  }
  return amountProblems(field, amount, WHOLE.includes(name))
}

function amountProblems(field: string, amount: string, isWhole: boolean): FieldError[] {
  const shown = JSON.stringify(amount)
  if (!isQuantity(amount)) return [invalidValue(field, shown, new QuantityError().message)]
  const { nanos } = parseQuantity(amount)
  if (nanos < 0n) return [invalidValue(field, shown, 'must be greater than or equal to 0')]
  return isWhole && nanos % 10n ** 9n !== 0n ? [invalidValue(field, shown, 'must be an integer')] : []
}

function scopeProblems({ scopes = [], hard = {} }: Quota): FieldError[] {
  const invalid = (why: string) => invalidValue('spec.scopes', goScopes(scopes), why)
  return [
    ...scopes.flatMap((scope) => [
      ...(scope in BY_SCOPE ? [] : [invalid('unsupported scope')]),
      ...uncountable(scope, hard).map(() => invalid('unsupported scope applied to resource')),
    ]),
    ...conflicts(scopes).map(invalid),
  ]
}

function selectorProblems({ scopeSelector, scopes = [], hard = {} }: Quota): FieldError[] {
  const path = 'spec.scopeSelector.matchExpressions'
  const expressions = scopeSelector?.matchExpressions ?? []
  return [
    ...expressions.flatMap(({ scopeName, operator, values = [] }) => [
      ...(scopeName in BY_SCOPE
        ? []
        : [invalidValue(`${path}.scopeName`, JSON.stringify(scopeName), 'unsupported scope')]),
      ...uncountable(scopeName, hard).map(() =>
        invalidValue(path, JSON.stringify(scopeName), 'unsupported scope applied to resource'),
      ),
      ...operatorProblems(path, scopeName, operator, values),
    ]),
    ...conflicts(expressions.map(({ scopeName }) => scopeName)).map((why) => invalidValue(path, goScopes(scopes), why)),
  ]
}

function operatorProblems(path: string, scope: string, operator: string, values: readonly string[]): FieldError[] {
  const invalid = (why: string) => invalidValue(`${path}.operator`, JSON.stringify(operator), why)
  const onlyExists =
    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
  const isKnown = ['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(operator)
  const wantsValues = operator === 'In' || operator === 'NotIn'
  return [
    ...(scope in BY_SCOPE && scope !== 'PriorityClass' && operator !== 'Exists' ? [invalid(onlyExists)] : []),
    ...(isKnown ? [] : [invalid('not a valid selector operator')]),
    ...(wantsValues && values.length === 0
      ? [required(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")]
      : []),
    ...(isKnown && !wantsValues && values.length > 0
      ? [
          invalidValue(
            `${path}.values`,
            `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
          ),
        ]
      : []),
  ]
}

/** What a quota limits that this scope has nothing to do with. */
function uncountable(scope: string, hard: Amounts): string[] {
  return Object.keys(hard).filter((name) => COUNTED.includes(name) && BY_SCOPE[scope]?.includes(name) === false)
}

function conflicts(scopes: readonly string[]): string[] {
  return OPPOSITES.filter((pair) => pair.every((scope) => scopes.includes(scope))).map(() => 'conflicting scopes')
}

function goScopes(scopes: readonly string[]): string {
  return `[]core.ResourceQuotaScope{${scopes.map((scope) => JSON.stringify(scope)).join(', ')}}`
}
