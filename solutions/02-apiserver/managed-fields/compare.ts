/**
 * What a write did to an object, field by field.
 *
 * Source: structured-merge-diff `typed/compare.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { FieldType } from '#kit/contracts/field-types.ts'
import { hasParts, type Pair, pairsOf } from './elements.ts'
import { EMPTY, type FieldSet, nodeOf } from './field-set.ts'

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
  const written: Record<string, FieldSet> = {}
  const removed: Record<string, FieldSet> = {}
  for (const pair of pairsOf(type, before, after)) {
    const changes = comparePair(pair)
    if (changes.written) written[pair.element] = changes.written
    if (changes.removed) removed[pair.element] = changes.removed
  }
  return { written, removed }
}

/** @solution-only */
function comparePair({ type, before, after }: Pair): NodeChanges {
  if (!hasParts(type, before) && !hasParts(type, after)) {
    if (after === undefined) return { removed: EMPTY }
    return isDeepStrictEqual(before, after) ? {} : { written: EMPTY }
  }
  const inside = compareFields(type, before, after)
  return {
    written: nodeOf(before === undefined, inside.written),
    removed: nodeOf(after === undefined, inside.removed),
  }
}

/** @solution-only */
interface NodeChanges {
  readonly written?: FieldSet | undefined
  readonly removed?: FieldSet | undefined
}
