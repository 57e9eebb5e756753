/**
 * JSON merge patch: a patch looks like the object and says only what changes.
 *
 * Source: RFC 7386.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'


/** Any JSON value. */
export type Json = unknown
export type JsonMap = Readonly<Record<string, unknown>>

/**
 * The target after the patch. Where both are maps they are merged, field by field, and a `null` in the patch takes the
 * field away; anything else in the patch, a list as well, replaces what is there. Nulls inside a map that is new to the
 * target are taken away, too. Neither argument is changed.
 *
 * @lab 2.8 Apply a merge patch
 */
export function applyMergePatch(target: Json, patch: Json): Json {
  throw new NotImplemented(
    '2.8',
    'applyMergePatch',
    'Apply a merge patch',
    'labs/02-apiserver/src/patch/merge-patch.ts',
  )
}

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
