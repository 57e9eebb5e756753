/** StatefulSets. Source: kubernetes `pkg/apis/apps/v1/defaults.go`, `pkg/apis/apps/validation/validation.go`. */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, PersistentVolumeClaim, StatefulSet, StatefulSetSpec, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { forbiddenField, notNegative } from '../validation/field-errors.ts'
import { validateSelectorAndTemplate } from '../validation/template.ts'
import { metadataWithin, templateWithDefaults } from './pod-defaults.ts'
import { applyClaimDefaults } from './volumes.ts'

export function applyStatefulSetDefaults(draft: ApiObject): void {
  const statefulSet = draft as StatefulSet
  if (statefulSet.spec) statefulSet.spec = statefulSetSpecWithDefaults(statefulSet.spec)
}

function statefulSetSpecWithDefaults(spec: StatefulSetSpec): StatefulSetSpec {
  const type = spec.updateStrategy?.type || 'RollingUpdate'
  const rollingUpdate = { partition: 0, ...spec.updateStrategy?.rollingUpdate }
  return {
    podManagementPolicy: 'OrderedReady',
    replicas: 1,
    revisionHistoryLimit: 10,
    ...spec,
    persistentVolumeClaimRetentionPolicy: {
      whenDeleted: 'Retain',
      whenScaled: 'Retain',
      ...spec.persistentVolumeClaimRetentionPolicy,
    },
    updateStrategy: { ...spec.updateStrategy, type, ...(type === 'RollingUpdate' && { rollingUpdate }) },
    ...(spec.template && { template: templateWithDefaults(spec.template) }),
    ...(spec.volumeClaimTemplates && { volumeClaimTemplates: spec.volumeClaimTemplates.map(claimWithDefaults) }),
  }
}

function claimWithDefaults(template: PersistentVolumeClaim): PersistentVolumeClaim {
  const claim: PersistentVolumeClaim = { ...structuredClone(template), apiVersion: 'v1', kind: 'PersistentVolumeClaim' }
  applyClaimDefaults(claim as ApiObject)
  claim.metadata = metadataWithin(claim.metadata)
  return claim
}

export function validateStatefulSet(object: ApiObject): readonly FieldError[] {
  const { spec } = object as StatefulSet
  return [
    ...notNegative('spec.replicas', spec?.replicas),
    ...validateSelectorAndTemplate(spec?.selector, spec?.template, 'Always'),
  ]
}

const CHANGEABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
]

export function validateStatefulSetUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  const lasting = ({ spec }: ApiObject) =>
    Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => !CHANGEABLE.includes(field)))
  if (isDeepStrictEqual(lasting(object), lasting(old as ApiObject))) return []
  const allowed = CHANGEABLE.map((field) => `'${field}'`)
  const list = `${allowed.slice(0, -1).join(', ')} and ${allowed.at(-1)}`
  return [forbiddenField('spec', `updates to statefulset spec for fields other than ${list} are forbidden`)]
}
