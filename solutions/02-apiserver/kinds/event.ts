/**
 * Events: one thing, two names. The core group's Event is the older form, events.k8s.io's the newer; both are stored as the
 * older, so whoever writes one kind, readers of the other see it.
 *
 * Source: kubernetes `pkg/apis/events/v1/conversion.go`, `pkg/apis/core/v1/conversion.go` (field labels).
 */
import type { ApiObject, CoreEvent } from '#kit/api/objects.ts'

/** [in the core group, in events.k8s.io]: same meaning, other name. */
const RENAMED = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const

/** Times that are not there are answered as null: upstream's clients expect the fields. */
export function applyEventDefaults(draft: ApiObject): void {
  const coreEvent = draft as Partial<CoreEvent>
  coreEvent.reportingComponent ??= ''
  coreEvent.reportingInstance ??= ''
  coreEvent.source ??= {}
  for (const time of ['firstTimestamp', 'lastTimestamp', 'eventTime']) draft[time] ??= null
}

export function eventToStorage(object: ApiObject): ApiObject {
  const renamed = rename(
    object,
    RENAMED.map(([core, newer]) => [newer, core]),
  )
  return { ...renamed, apiVersion: 'v1', involvedObject: renamed.involvedObject ?? {} }
}

export function eventFromStorage(object: ApiObject): ApiObject {
  return { ...rename(object, RENAMED), apiVersion: 'events.k8s.io/v1' }
}

function rename(object: ApiObject, pairs: readonly (readonly [string, string])[]): ApiObject {
  const names = new Map(pairs)
  return Object.fromEntries(Object.entries(object).map(([field, value]) => [names.get(field) ?? field, value]))
}

export function coreEventFields(object: ApiObject): Record<string, string> {
  const { involvedObject, reason, reportingComponent, source, type } = object as Partial<CoreEvent>
  return {
    ...objectFields('involvedObject', involvedObject),
    reason: reason ?? '',
    reportingComponent: reportingComponent ?? '',
    source: source?.component ?? reportingComponent ?? '',
    type: type ?? '',
  }
}

/** Selected while stored, so the names of the newer form lead to the fields of the older. */
export function eventFields(object: ApiObject): Record<string, string> {
  const { involvedObject, reason, reportingComponent, type } = object as Partial<CoreEvent>
  return {
    ...objectFields('regarding', involvedObject),
    reason: reason ?? '',
    reportingController: reportingComponent ?? '',
    type: type ?? '',
  }
}

function objectFields(prefix: string, object: Partial<CoreEvent['involvedObject']> = {}): Record<string, string> {
  const fields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const
  return Object.fromEntries(fields.map((field) => [`${prefix}.${field}`, object[field] ?? '']))
}
