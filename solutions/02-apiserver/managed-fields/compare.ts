/**
 * What a write did to an object, field by field.
 *
 * Source: structured-merge-diff `typed/compare.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { FieldType } from '#kit/contracts/field-types.ts'
import { type Child, childrenOf, hasParts } from './elements.ts'
import { EMPTY, type FieldSet, isEmpty, nodeOf } from './field-set.ts'

/** No field is in both sets. If both are empty, the two objects are the same. */
export interface FieldChanges {
  /** Added, or given another value. Both make the writer the owner. */
  readonly written: FieldSet
  readonly removed: FieldSet
}

const NOTHING: FieldChanges = { written: EMPTY, removed: EMPTY }

/**
 * The fields in which two values of a type differ; undefined stands for a value that is not there.
 *
 * - Where neither side has parts (`hasParts`), the field is one: it is itself written or removed, or nothing.
 * - Otherwise look at the children of both sides (`childrenOf`), the same element on either side. When all of the value is
 *   new, it is itself written, together with what is in it; when all of it is gone, it is itself removed.
 * - A child that is on one side only, or of different types, is compared as its type on the side that has it.
 *
 * At the root, the value itself is not part of the result. Values that are the same object need not be looked into.
 * `nodeOf` makes nodes of the result.
 *
 * @lab 2.14 Compare two objects by field
 */
export function compareFields(type: FieldType, before: unknown, after: unknown): FieldChanges {
  if (before === after) return NOTHING
  const [old, now] = [childrenOf(type, before), childrenOf(type, after)]
  const written: Record<string, FieldSet> = {}
  const removed: Record<string, FieldSet> = {}
  for (const element of new Set([...old.keys(), ...now.keys()])) {
    const changes = compareChild(old.get(element), now.get(element))
    if (changes.written) written[element] = changes.written
    if (changes.removed) removed[element] = changes.removed
  }
  return { written, removed }
}

/** @solution-only */
function compareChild(old: Child | undefined, now: Child | undefined): NodeChanges {
  if (old && now && old.value === now.value) return {}
  const type = (now ?? old)!.type
  if (!hasParts(type, old?.value) && !hasParts(type, now?.value)) {
    if (!now) return { removed: EMPTY }
    return old && isDeepStrictEqual(old.value, now.value) ? {} : { written: EMPTY }
  }
  const inside = compareFields(type, old?.value, now?.value)
  return { written: nodeOf(!old, inside.written), removed: nodeOf(!now, inside.removed) }
}

/** @solution-only */
interface NodeChanges {
  readonly written?: FieldSet | undefined
  readonly removed?: FieldSet | undefined
}

export function isNoChange({ written, removed }: FieldChanges): boolean {
  return isEmpty(written) && isEmpty(removed)
}
