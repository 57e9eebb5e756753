/** PodDisruptionBudgets. Source: kubernetes `pkg/apis/policy/validation/validation.go`. */
import type { ApiObject, PodDisruptionBudget } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { goValue, invalidValue, notSupported } from '../validation/field-errors.ts'

export function validateDisruptionBudget(object: ApiObject): readonly FieldError[] {
  const {
    minAvailable,
    maxUnavailable,
    unhealthyPodEvictionPolicy: policy,
  } = (object as PodDisruptionBudget).spec ?? {}
  const policies = ['AlwaysAllow', 'IfHealthyBudget']
  return [
    ...(minAvailable !== undefined && maxUnavailable !== undefined
      ? [
          invalidValue(
            'spec',
            goValue({ minAvailable: String(minAvailable), maxUnavailable: String(maxUnavailable) }),
            'minAvailable and maxUnavailable cannot be both set',
          ),
        ]
      : []),
    ...notBelowZero('spec.minAvailable', minAvailable),
    ...notBelowZero('spec.maxUnavailable', maxUnavailable),
    ...(policy === undefined || policies.includes(policy)
      ? []
      : [notSupported('spec.unhealthyPodEvictionPolicy', policy, policies)]),
  ]
}

/** A number of pods, or a percentage of them. */
function notBelowZero(field: string, amount: number | string | undefined): FieldError[] {
  if (typeof amount === 'string') {
    const detail =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
    return /^[0-9]+%$/.test(amount) ? [] : [invalidValue(field, JSON.stringify(amount), detail)]
  }
  return amount !== undefined && amount < 0
    ? [invalidValue(field, String(amount), 'must be greater than or equal to 0')]
    : []
}
