/** Storage classes and the CSI kinds. Source: kubernetes `pkg/apis/storage/v1/defaults.go`, `pkg/apis/storage/validation`. */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, CSIDriver, StorageClass, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { forbiddenField, immutable, notSupported, required } from '../validation/field-errors.ts'

export function applyStorageClassDefaults(draft: ApiObject): void {
  const storageClass = draft as Partial<StorageClass>
  storageClass.reclaimPolicy ??= 'Delete'
  storageClass.volumeBindingMode ??= 'Immediate'
}

export function validateStorageClass(object: ApiObject): readonly FieldError[] {
  const { provisioner, reclaimPolicy, volumeBindingMode } = object as Partial<StorageClass>
  const policies = ['Delete', 'Retain']
  const modes = ['Immediate', 'WaitForFirstConsumer']
  return [
    ...(provisioner ? [] : [required('provisioner')]),
    ...(policies.includes(reclaimPolicy ?? '') ? [] : [notSupported('reclaimPolicy', reclaimPolicy, policies)]),
    ...(modes.includes(volumeBindingMode ?? '') ? [] : [notSupported('volumeBindingMode', volumeBindingMode, modes)]),
  ]
}

/** Volumes were made by what the class said then. */
export function validateStorageClassUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  const draft = object as Partial<StorageClass>
  const before = old as Stored<StorageClass>
  const unchanged = (field: 'parameters' | 'provisioner' | 'reclaimPolicy') =>
    isDeepStrictEqual(draft[field], before[field]) ? [] : [forbiddenField(field, `updates to ${field} are forbidden.`)]
  return [
    ...unchanged('parameters'),
    ...unchanged('provisioner'),
    ...unchanged('reclaimPolicy'),
    ...immutable('volumeBindingMode', draft.volumeBindingMode, before.volumeBindingMode),
  ]
}

export function applyCsiDriverDefaults(draft: ApiObject): void {
  const driver = draft as Partial<CSIDriver>
  driver.spec = {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: 'ReadWriteOnceWithFSType',
    requiresRepublish: false,
    seLinuxMount: false,
    ...driver.spec,
    volumeLifecycleModes: driver.spec?.volumeLifecycleModes?.length ? driver.spec.volumeLifecycleModes : ['Persistent'],
  }
}

/** An attachment is an order to a driver: what it orders does not change. */
export function validateVolumeAttachmentUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  return isDeepStrictEqual(object.spec, old.spec)
    ? []
    : [{ reason: 'FieldValueInvalid', field: 'spec', message: 'Invalid value: field is immutable' }]
}
