/** PriorityClasses. Source: kubernetes `pkg/apis/scheduling/v1/defaults.go`, `pkg/apis/scheduling/validation/validation.go`. */
import type { ApiObject, PriorityClass, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { forbiddenField, notSupported } from '../validation/field-errors.ts'

const HIGHEST_USER_PRIORITY = 1_000_000_000

export function applyPriorityClassDefaults(draft: ApiObject): void {
  ;(draft as Partial<PriorityClass>).preemptionPolicy ??= 'PreemptLowerPriority'
}

export function validatePriorityClass(object: ApiObject): readonly FieldError[] {
  const { metadata, value = 0, preemptionPolicy } = object as Partial<PriorityClass>
  const policies = ['Never', 'PreemptLowerPriority']
  const isSystem = metadata?.name?.startsWith('system-')
  return [
    ...(value > HIGHEST_USER_PRIORITY && !isSystem
      ? [forbiddenField('value', `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`)]
      : []),
    ...(policies.includes(preemptionPolicy ?? '')
      ? []
      : [notSupported('preemptionPolicy', preemptionPolicy, policies)]),
  ]
}

/** Pods carry the number, not the name, so the number behind a name must stay. */
export function validatePriorityClassUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  const { value, preemptionPolicy } = object as Partial<PriorityClass>
  const before = old as Stored<PriorityClass>
  return [
    ...(value === before.value ? [] : [forbiddenField('value', 'may not be changed in an update.')]),
    ...(preemptionPolicy === before.preemptionPolicy
      ? []
      : [
          {
            reason: 'FieldValueInvalid' as const,
            field: 'preemptionPolicy',
            message: `Invalid value: ${JSON.stringify(preemptionPolicy)}: field is immutable`,
          },
        ]),
  ]
}
