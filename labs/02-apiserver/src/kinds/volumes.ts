/**
 * PersistentVolumes and claims on them.
 *
 * Source: kubernetes `pkg/apis/core/v1/defaults.go`, `pkg/registry/core/persistentvolume/strategy.go`,
 * `pkg/apis/core/validation/validation.go` (ValidatePersistentVolume, ValidatePersistentVolumeClaim).
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, PersistentVolume, PersistentVolumeClaim, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { forbiddenField, required } from '../validation/field-errors.ts'
import { canonicalAmounts } from './pod-defaults.ts'

/** A new volume has been Pending since its creation. */
export function prepareVolume(draft: ApiObject): void {
  draft.status = { phase: 'Pending', lastPhaseTransitionTime: draft.metadata?.creationTimestamp }
}

export function applyVolumeDefaults(draft: ApiObject): void {
  const { spec } = draft as PersistentVolume
  if (!spec) return
  spec.persistentVolumeReclaimPolicy ??= 'Retain'
  spec.volumeMode ??= 'Filesystem'
  if (spec.capacity) spec.capacity = canonicalAmounts(spec.capacity)
  if (spec.hostPath) spec.hostPath.type ??= ''
}

export function applyClaimDefaults(draft: ApiObject): void {
  const { spec, status } = draft as PersistentVolumeClaim
  draft.status = { phase: 'Pending', ...status }
  if (!spec) return
  spec.volumeMode ??= 'Filesystem'
  const { requests, limits } = spec.resources ?? {}
  spec.resources = {
    ...(limits && { limits: canonicalAmounts(limits) }),
    ...(requests && { requests: canonicalAmounts(requests) }),
  }
}

export function validateVolume(object: ApiObject): readonly FieldError[] {
  const { spec } = object as PersistentVolume
  return [
    ...(spec?.accessModes?.length ? [] : [required('spec.accessModes')]),
    ...(spec?.capacity?.storage ? [] : [required('spec.capacity')]),
  ]
}

export function validateClaim(object: ApiObject): readonly FieldError[] {
  const { spec } = object as PersistentVolumeClaim
  return [
    ...(spec?.accessModes?.length ? [] : [required('spec.accessModes', 'at least 1 access mode is required')]),
    ...(spec?.resources?.requests?.storage ? [] : [required('spec.resources[storage]')]),
  ]
}

/** A claim may ask for more space, and be given a volume; the rest of it stays. */
export function validateClaimUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  return isDeepStrictEqual(lasting(object), lasting(old as ApiObject))
    ? []
    : [
        forbiddenField(
          'spec',
          'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
        ),
      ]
}

function lasting(object: ApiObject): object {
  const { resources, volumeName, storageClassName, volumeAttributesClassName, ...rest } =
    (object as PersistentVolumeClaim).spec ?? {}
  return rest
}
