/**
 * What a writer is called: as it calls itself (`?fieldManager=…`), or else by the first part of its `User-Agent`.
 *
 * Source: apiserver `pkg/endpoints/handlers/create.go` (managerOrUserAgent); apimachinery
 * `pkg/apis/meta/v1/validation/validation.go` (ValidateFieldManager).
 */
import type { ApiRequest, FieldError } from '#kit/contracts/apiserver.ts'
import { goValue, invalidValue, tooLong } from '../validation/field-errors.ts'

const MAX_BYTES = 128
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u

/** "kubectl" of "kubectl/v1.32.0 (linux/amd64) kubernetes/70d3cc9"; "" when nothing is known. */
export function managerOf({ query, userAgent = '' }: Pick<ApiRequest, 'query' | 'userAgent'>): string {
  const named = query.fieldManager?.[0]
  if (named) return named
  let name = ''
  for (const character of userAgent.split('/')[0] ?? '') {
    if (UNPRINTABLE.test(character)) continue
    if (Buffer.byteLength(name + character) > MAX_BYTES) break
    name += character
  }
  return name
}

/** What is wrong with `?fieldManager=…`. */
export function validateManager(name: string): FieldError[] {
  const errors = Buffer.byteLength(name) > MAX_BYTES ? [tooLong('fieldManager', MAX_BYTES)] : []
  let position = 0
  for (const character of name) {
    const what = `invalid character ${codePoint(character)} (at position ${position})`
    if (UNPRINTABLE.test(character)) errors.push(invalidValue('fieldManager', goValue(name), what))
    position += Buffer.byteLength(character)
  }
  return errors
}

/** "U+000A" */
function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
