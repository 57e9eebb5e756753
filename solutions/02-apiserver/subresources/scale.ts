/**
 * Scale: one small shape for everything that has replicas, so that `kubectl scale` and autoscalers need not know the kinds.
 *
 * Source: kubernetes `pkg/registry/apps/deployment/storage/storage.go` (ScaleREST).
 */
import type { ApiObject, LabelSelector, ObjectMeta, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { notNegative } from '../validation/field-errors.ts'

export interface Scale extends ApiObject {
  spec?: { replicas?: number }
  status?: { replicas: number; selector?: string }
}

interface Scalable {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector | Readonly<Record<string, string>> }
  readonly status?: { readonly replicas?: number }
}

/**
 * The Scale of an object: kind Scale of autoscaling/v1; of the metadata only name, namespace, uid, resourceVersion and
 * creationTimestamp; `spec.replicas` as wanted, `status.replicas` as there are, and the selector as text
 * (`selectorText`).
 *
 * @lab 2.10 Show an object as a Scale
 */
export function scaleOf(object: Stored<ApiObject>): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const { spec, status } = object as Scalable
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion, creationTimestamp } as ObjectMeta,
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, ...(spec?.selector && { selector: selectorText(spec.selector) }) },
  }
}

/**
 * The object with the replicas of a Scale; nothing else of the object changes. The Scale's `resourceVersion`, if it has one,
 * becomes the object's, so that the update is refused when the object has changed since.
 *
 * @lab 2.10 Apply a Scale to its object
 */
export function withScale(object: Stored<ApiObject>, scale: Scale): ApiObject {
  const resourceVersion = scale.metadata?.resourceVersion || object.metadata.resourceVersion
  return {
    ...object,
    metadata: { ...object.metadata, resourceVersion },
    spec: { ...(object.spec as object), replicas: scale.spec?.replicas ?? 0 },
  }
}

export function validateScale(scale: Scale): FieldError[] {
  return notNegative('spec.replicas', scale.spec?.replicas)
}

/** "app=web,tier in (a,b)": a selector as queries want it. */
export function selectorText(selector: LabelSelector | Readonly<Record<string, string>>): string {
  const isLabelSelector = 'matchLabels' in selector || 'matchExpressions' in selector
  const { matchLabels = {}, matchExpressions = [] } = (
    isLabelSelector ? selector : { matchLabels: selector }
  ) as LabelSelector
  const equalities = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`)
  const others = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key
    if (operator === 'DoesNotExist') return `!${key}`
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${[...values].sort().join(',')})`
  })
  return [...equalities.sort(), ...others].join(',')
}
