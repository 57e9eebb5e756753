/** DaemonSets. Source: kubernetes `pkg/apis/apps/v1/defaults.go`, `pkg/registry/apps/daemonset/strategy.go`. */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, DaemonSet, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { immutable } from '../validation/field-errors.ts'
import { validateSelectorAndTemplate } from '../validation/template.ts'
import { templateWithDefaults } from './pod-defaults.ts'

/** Counts the templates that there have been: older than `metadata.generation`, and still read by the controller. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation'

export function applyDaemonSetDefaults(draft: ApiObject): void {
  const { spec } = draft as DaemonSet
  if (!spec) return
  spec.revisionHistoryLimit ??= 10
  const type = spec.updateStrategy?.type || 'RollingUpdate'
  const rollingUpdate = { maxUnavailable: 1, maxSurge: 0, ...spec.updateStrategy?.rollingUpdate }
  spec.updateStrategy = { ...spec.updateStrategy, type, ...(type === 'RollingUpdate' && { rollingUpdate }) }
  if (spec.template) spec.template = templateWithDefaults(spec.template)
}

export function prepareDaemonSetForCreate(draft: ApiObject): void {
  draft.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }
  setTemplateGeneration(draft, 1)
}

export function prepareDaemonSetForUpdate(draft: ApiObject, old: Stored<ApiObject>): void {
  draft.status = old.status
  const before = Number(old.metadata.annotations?.[TEMPLATE_GENERATION] ?? 1)
  const complete = structuredClone(draft)
  applyDaemonSetDefaults(complete)
  const unchanged = isDeepStrictEqual(
    (complete as DaemonSet).spec?.template,
    (old as ApiObject as DaemonSet).spec?.template,
  )
  setTemplateGeneration(draft, unchanged ? before : before + 1)
}

function setTemplateGeneration(draft: ApiObject, generation: number): void {
  const annotations = { ...draft.metadata?.annotations, [TEMPLATE_GENERATION]: String(generation) }
  draft.metadata = { ...draft.metadata, annotations }
}

export function validateDaemonSet(object: ApiObject): readonly FieldError[] {
  const { spec } = object as DaemonSet
  return validateSelectorAndTemplate(spec?.selector, spec?.template, 'Always')
}

export function validateDaemonSetUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  return immutable(
    'spec.selector',
    (object as DaemonSet).spec?.selector,
    (old as ApiObject as DaemonSet).spec?.selector,
  )
}
