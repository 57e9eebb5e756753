/**
 * Peace between `kubectl apply` and `kubectl apply --server-side`, which remember what was applied in different places: the
 * one in an annotation, the other in managed fields.
 *
 * Only for the manager "kubectl": what the annotation says was applied is as good as its own, so that to change it is no
 * conflict; and the annotation, where there is one, is kept up to date, so that one may go back.
 *
 * Source: apimachinery `pkg/util/managedfields/internal/{lastappliedmanager,lastappliedupdater}.go`.
 */
import type { ApiObject } from '#kit/api/objects.ts'
import type { FieldType } from '#kit/contracts/field-types.ts'
import { isMap } from '../patch/merge-patch.ts'
import type { Conflict } from './apply.ts'
import { compareFields } from './compare.ts'
import { difference, type FieldSet, isEmpty } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration'
/** Of all annotations together. */
const MAX_BYTES = 256 * 1024

/** The conflicts that remain when everything counts as the applier's own that the annotation names, and that is still so. */
export function withoutLastApplied(
  conflicts: readonly Conflict[],
  type: FieldType,
  live: ApiObject,
): readonly Conflict[] {
  const own = lastAppliedFields(type, live)
  if (!own) return conflicts
  return conflicts
    .map(({ entry, fields }) => ({ entry, fields: difference(fields, own) }))
    .filter(({ fields }) => !isEmpty(fields))
}

function lastAppliedFields(type: FieldType, live: ApiObject): FieldSet | undefined {
  const text = live.metadata?.annotations?.[ANNOTATION]
  if (!text) return undefined
  const applied = parsed(text)
  if (!isMap(applied) || applied.apiVersion !== live.apiVersion) return undefined
  const { written, removed } = compareFields(type, applied, live)
  return difference(difference(fieldsOf(type, applied), written), removed)
}

/** The object, its annotation (if it has one) brought up to date with what was applied. */
export function withLastApplied(object: ApiObject, config: ApiObject): ApiObject {
  if (!object.metadata?.annotations?.[ANNOTATION]) return object
  const { [ANNOTATION]: _, ...others } = object.metadata.annotations
  const { [ANNOTATION]: _sent, ...sent } = config.metadata?.annotations ?? {}
  const { annotations: _annotations, ...metadata } = config.metadata ?? {}
  const isAnnotated = Object.keys(sent).length > 0
  const applied = { ...config, metadata: { ...metadata, ...(isAnnotated && { annotations: sent }) } }
  const annotations = { ...others, [ANNOTATION]: `${JSON.stringify(sorted(applied))}\n` }
  const isTooLarge = Buffer.byteLength(Object.entries(annotations).flat().join('')) > MAX_BYTES
  return { ...object, metadata: { ...object.metadata, annotations: isTooLarge ? others : annotations } }
}

/** Go writes maps in the order of their keys. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isMap(value)) return value
  const keys = Object.keys(value).sort()
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
