/**
 * What is wrong with a LimitRange: amounts that contradict each other.
 *
 * Source: kubernetes `pkg/apis/core/validation/validation.go` (ValidateLimitRange).
 */
import type { ApiObject, LimitRange } from '#kit/api/objects.ts'
import { compareQuantities, formatQuantity, isQuantity, parseQuantity, QuantityError } from '#kit/api/quantity.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import type { Amounts } from '#kit/counting/amounts.ts'
import { duplicate, forbiddenField, invalidValue, required } from './field-errors.ts'
import { qualifiedNameProblem } from './names.ts'
import { COMPUTE, COUNTED } from './quota.ts'

type Limit = NonNullable<LimitRange['spec']>['limits'][number]

export function validateLimitRange(object: ApiObject): readonly FieldError[] {
  const { limits = [] } = (object as LimitRange).spec ?? {}
  return limits.flatMap((limit, i) => [
    ...(limits.slice(0, i).some(({ type }) => type === limit.type)
      ? [duplicate(`spec.limits[${i}].type`, JSON.stringify(limit.type))]
      : []),
    ...limitProblems(limit, `spec.limits[${i}]`),
  ])
}

function limitProblems(limit: Limit, path: string): FieldError[] {
  const { type, min = {}, max = {}, default: fallback = {}, defaultRequest = {}, maxLimitRequestRatio = {} } = limit
  const parts = { max, min, default: fallback, defaultRequest, maxLimitRequestRatio }
  const isPod = type === 'Pod'
  const unreadable = Object.entries(parts).flatMap(([part, amounts]) =>
    Object.entries(amounts).flatMap(([name, amount]) => nameProblems(`${path}.${part}[${name}]`, type, name, amount)),
  )
  const problems = [
    ...(['Pod', 'Container', 'PersistentVolumeClaim'].includes(type) || type.includes('/')
      ? []
      : [invalidValue(`${path}.type`, JSON.stringify(type), 'must be a standard limit type or fully qualified')]),
    ...(['default', 'defaultRequest'] as const)
      .filter((part) => isPod && Object.keys(parts[part]).length > 0)
      .map((part) => forbiddenField(`${path}.${part}`, "may not be specified when `type` is 'Pod'")),
    ...(type === 'PersistentVolumeClaim' && !('storage' in min) && !('storage' in max)
      ? [required(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided')]
      : []),
    ...unreadable,
  ]
  if (unreadable.length > 0) return problems
  const names = [...new Set(Object.values(parts).flatMap((amounts) => Object.keys(amounts)))]
  return [
    ...problems,
    ...names.flatMap((name) => contradictions(path, name, isPod ? { max, min, maxLimitRequestRatio } : parts)),
  ]
}

function nameProblems(field: string, type: string, name: string, amount: string): FieldError[] {
  const problem = qualifiedNameProblem(name)
  if (problem) return [invalidValue(field, JSON.stringify(name), problem)]
  if (!isQuantity(amount)) return [invalidValue(field, JSON.stringify(amount), new QuantityError().message)]
  const ofContainers = type === 'Pod' || type === 'Container'
  const known = ofContainers ? COMPUTE : [...COUNTED, 'storage']
  if (name.includes('/') || known.includes(name) || name.startsWith('hugepages-')) return []
  const text = `must be a standard resource ${ofContainers ? 'for containers' : 'type or fully qualified'}`
  return [invalidValue(field, JSON.stringify(name), text)]
}

/** Amounts of one name that cannot all hold. */
function contradictions(path: string, name: string, parts: Readonly<Record<string, Amounts>>): FieldError[] {
  const [min, max, fallback, request, ratio] = ['min', 'max', 'default', 'defaultRequest', 'maxLimitRequestRatio'].map(
    (part) => parts[part]?.[name],
  )
  const invalid = (part: string, amount: string, why: string) =>
    invalidValue(`${path}.${part}[${name}]`, JSON.stringify(shown(amount)), why)
  const above = (
    part: string,
    at: string | undefined,
    a: string | undefined,
    what: string,
    b: string | undefined,
    than: string,
  ) =>
    at && a && b && isAbove(a, b) ? [invalid(part, at, `${what} ${shown(a)} is greater than ${than} ${shown(b)}`)] : []
  const widest = min && max ? Number(parseQuantity(max).nanos) / Number(parseQuantity(min).nanos) : undefined
  const isOvercommittable = !name.startsWith('hugepages-') && !name.includes('/')
  return [
    ...above('min', min, min, 'min value', max, 'max value'),
    ...above('defaultRequest', request, min, 'min value', request, 'default request value'),
    ...above('defaultRequest', request, request, 'default request value', max, 'max value'),
    ...above('defaultRequest', request, request, 'default request value', fallback, 'default limit value'),
    ...above('default', min, min, 'min value', fallback, 'default value'),
    ...above('default', max, fallback, 'default value', max, 'max value'),
    ...(ratio && isAbove('1', ratio)
      ? [invalid('maxLimitRequestRatio', ratio, `ratio ${shown(ratio)} is less than 1`)]
      : []),
    ...(ratio && widest !== undefined && Number(parseQuantity(ratio).nanos) / 1e9 > widest
      ? [invalid('maxLimitRequestRatio', ratio, `ratio ${shown(ratio)} is greater than max/min = ${widest.toFixed(6)}`)]
      : []),
    ...(!isOvercommittable && fallback && request && shown(fallback) !== shown(request)
      ? [
          invalid(
            'defaultRequest',
            request,
            `default value ${shown(fallback)} must equal to defaultRequest value ${shown(request)} in ${name}`,
          ),
        ]
      : []),
  ]
}

const shown = (amount: string) => formatQuantity(parseQuantity(amount))
const isAbove = (a: string, b: string) => compareQuantities(parseQuantity(a), parseQuantity(b)) > 0
