/**
 * One thing wrong with one field, in upstream's words.
 *
 * Source: apimachinery `pkg/util/validation/field/errors.go`; `pkg/api/validation/objectmeta.go` (immutability).
 */
import { isDeepStrictEqual } from 'node:util'
import type { FieldError } from '#kit/contracts/apiserver.ts'

export function required(field: string, detail?: string): FieldError {
  return { reason: 'FieldValueRequired', field, message: `Required value${detail ? `: ${detail}` : ''}` }
}

/** `shown` is the value as Go would print it: strings quoted (see `goValue`). */
export function invalidValue(field: string, shown: string, detail: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${shown}: ${detail}` }
}

export function notSupported(field: string, value: string | undefined, supported: readonly string[]): FieldError {
  const list = supported.map((one) => JSON.stringify(one)).join(', ')
  const message = `Unsupported value: ${JSON.stringify(value ?? '')}: supported values: ${list}`
  return { reason: 'FieldValueNotSupported', field, message }
}

export function duplicate(field: string, shown: string): FieldError {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${shown}` }
}

export function notFoundValue(field: string, value: string): FieldError {
  return { reason: 'FieldValueNotFound', field, message: `Not found: ${JSON.stringify(value)}` }
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${detail}` }
}

export function tooLong(field: string, limitBytes: number): FieldError {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${limitBytes} bytes` }
}

export function notNegative(field: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0
    ? [invalidValue(field, String(value), 'must be greater than or equal to 0')]
    : []
}

/** An error when a field that may not change has changed. */
export function immutable(field: string, value: unknown, old: unknown): FieldError[] {
  return isDeepStrictEqual(value, old) ? [] : [invalidValue(field, goValue(value), 'field is immutable')]
}

/** A value as Go's `%#v` prints it, which is what upstream's messages show. */
export function goValue(value: unknown): string {
  if (Array.isArray(value)) return `[]string{${value.map(goValue).join(', ')}}`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if ('matchLabels' in value || 'matchExpressions' in value) return goLabelSelector(value)
  const entries = Object.keys(value).sort()
  return `map[string]string{${entries.map((key) => `${JSON.stringify(key)}:${goValue((value as Record<string, unknown>)[key])}`).join(', ')}}`
}

function goLabelSelector({ matchLabels, matchExpressions }: { matchLabels?: unknown; matchExpressions?: unknown }) {
  const labels = matchLabels === undefined ? 'map[string]string(nil)' : goValue(matchLabels)
  const expressions = matchExpressions === undefined ? '(nil)' : `{${JSON.stringify(matchExpressions)}}`
  return `v1.LabelSelector{MatchLabels:${labels}, MatchExpressions:[]v1.LabelSelectorRequirement${expressions}}`
}
