/**
 * What a write did to an object, field by field.
 *
 * Source: structured-merge-diff `typed/compare.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { FieldType } from '#kit/contracts/field-types.ts'
import type { FieldSet } from './field-set.ts'

/** No field is in both sets. If both are empty, the two objects are the same. */
export interface FieldChanges {
  /** Added, or given another value. Both make the writer the owner. */
  readonly written: FieldSet
  readonly removed: FieldSet
}

/**
 * The fields in which two values of a type differ; undefined stands for a value that is not there.
 *
 * `pairsOf` (`elements.ts`) gives the children of both, side by side. For each pair:
 *
 * - Where neither side has parts (`hasParts`), the child is one field: it is itself written or removed, or (if the two are
 *   equal, in whatever order their keys are) nothing.
 * - Otherwise it is compared in the same way. When all of it is new, it is itself written, together with what is in it; when
 *   all of it is gone, it is itself removed.
 *
 * The value itself is not part of the result. `nodeOf` makes nodes of the result.
 *
 * @lab 2.14 Compare two objects by field
 */
export function compareFields(type: FieldType, before: unknown, after: unknown): FieldChanges {
  throw new NotImplemented(
    '2.14',
    'compareFields',
    'Compare two objects by field',
    'labs/02-apiserver/src/managed-fields/compare.ts',
  )
}
