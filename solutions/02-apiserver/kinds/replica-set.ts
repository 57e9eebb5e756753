/** ReplicaSets and their elder, ReplicationControllers. Source: kubernetes `pkg/apis/apps/v1/defaults.go`, `core/v1/defaults.go`. */
import type { ApiObject, ReplicaSet, ReplicationController, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { immutable, notNegative } from '../validation/field-errors.ts'
import { validateSelectorAndTemplate } from '../validation/template.ts'
import { templateWithDefaults } from './pod-defaults.ts'

export function applyReplicaSetDefaults(draft: ApiObject): void {
  const { spec } = draft as ReplicaSet
  if (!spec) return
  spec.replicas ??= 1
  if (spec.template) spec.template = templateWithDefaults(spec.template)
}

/** Its selector and labels are the template's when not given: a habit of v1 that later kinds dropped. */
export function applyReplicationControllerDefaults(draft: ApiObject): void {
  const controller = draft as ReplicationController
  const { spec } = controller
  if (!spec) return
  spec.replicas ??= 1
  const labels = spec.template?.metadata?.labels
  if (labels) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels }
    if (Object.keys(controller.metadata?.labels ?? {}).length === 0) {
      controller.metadata = { ...controller.metadata, labels: { ...labels } }
    }
  }
  if (spec.template) spec.template = templateWithDefaults(spec.template)
}

export function validateReplicaSet(object: ApiObject): readonly FieldError[] {
  const { spec } = object as ReplicaSet
  return [
    ...notNegative('spec.replicas', spec?.replicas),
    ...validateSelectorAndTemplate(spec?.selector, spec?.template, 'Always'),
  ]
}

export function validateReplicaSetUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  return immutable('spec.selector', (object as ReplicaSet).spec?.selector, (old as Stored<ReplicaSet>).spec?.selector)
}

export function validateReplicationController(object: ApiObject): readonly FieldError[] {
  const { spec } = object as ReplicationController
  const selector = spec?.selector && { matchLabels: spec.selector }
  return [
    ...notNegative('spec.replicas', spec?.replicas),
    ...validateSelectorAndTemplate(selector, spec?.template, 'Always'),
  ]
}

export function replicaSetFields(object: ApiObject): Record<string, string> {
  return { 'status.replicas': String((object as ReplicaSet).status?.replicas ?? 0) }
}
