/** Leases. Source: kubernetes `pkg/apis/coordination/validation/validation.go`. */
import type { ApiObject, Lease } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { invalidValue } from '../validation/field-errors.ts'

export function validateLease(object: ApiObject): readonly FieldError[] {
  const { spec } = object as Lease
  const { leaseDurationSeconds: duration, leaseTransitions: transitions } = spec ?? {}
  return [
    ...(duration !== undefined && duration <= 0
      ? [invalidValue('spec.leaseDurationSeconds', String(duration), 'must be greater than 0')]
      : []),
    ...(transitions !== undefined && transitions < 0
      ? [invalidValue('spec.leaseTransitions', String(transitions), 'must be greater than or equal to 0')]
      : []),
  ]
}
