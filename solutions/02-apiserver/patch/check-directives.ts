/**
 * Directives of a strategic merge patch that cannot be followed are refused before anything is merged: passed over in silence, they
 * would leave behind what the sender meant to take away, and the answer would say that all was well.
 *
 * The texts are upstream's. It answers some of these with 500, as it does whatever it has no code for; the fault is the patch's, so here
 * it is always 400.
 *
 * Source: apimachinery `pkg/util/strategicpatch/patch.go` and `pkg/util/mergepatch/errors.go`; apiserver
 * `pkg/endpoints/handlers/patch.go` (interpretStrategicMergePatchError).
 */
import type { StatusError } from '#kit/api/status-error.ts'
import { badRequest } from '../errors.ts'
import { isMap, type Json, type JsonMap } from './merge-patch.ts'
import type { FieldPatchRule, PatchSchema } from './patch-schema.ts'
import { identityOf } from './strategic-merge.ts'

const ORDER = '$setElementOrder'
const DELETION = '$deleteFromPrimitiveList'

export function checkDirectives(patch: JsonMap, schema: PatchSchema): void {
  if ('$patch' in patch) {
    if (patch.$patch !== 'replace' && patch.$patch !== 'delete') throw unknownPatchType(patch)
    // What goes with it is no patch, but what shall be there.
    return
  }
  if ('$retainKeys' in patch) checkRetainKeys(patch)
  for (const [name, value] of Object.entries(patch)) {
    const rule = schema.fields[name] ?? {}
    if (name.startsWith(ORDER)) checkOrder(name, patch, schema)
    else if (name.startsWith(DELETION)) checkDeletion(name, value)
    else if (isMap(value)) checkDirectives(value, rule.of ?? { fields: {} })
    else if (Array.isArray(value) && rule.mergeKey) checkItems(value, rule)
  }
}

/** A patch must not set what it does not want to retain. */
function checkRetainKeys(patch: JsonMap): void {
  const retained = patch.$retainKeys
  const names = Object.keys(patch).filter((name) => patch[name] !== null && !name.startsWith('$'))
  if (!Array.isArray(retained) || names.some((name) => !retained.includes(name))) {
    throw badRequest('invalid patch format of retainKeys')
  }
}

function checkDeletion(directive: string, values: Json): void {
  if (!directive.includes('/') || !Array.isArray(values)) throw badRequest('invalid patch format of primitive list')
}

/** The items that a patch has must all be in the order that it wants, and follow each other in that order. */
function checkOrder(directive: string, patch: JsonMap, schema: PatchSchema): void {
  const order = patch[directive]
  const field = directive.slice(`${ORDER}/`.length)
  const items = patch[field] ?? []
  if (!directive.startsWith(`${ORDER}/`) || !Array.isArray(order) || !Array.isArray(items)) {
    throw badRequest('invalid patch format of setElementOrder list')
  }
  const rule = schema.fields[field] ?? {}
  const kept = items.filter((item) => !isMap(item) || !('$patch' in item)).map((item) => identityOf(item, rule))
  let found = 0
  for (const item of order) if (identityOf(item, rule) === kept[found]) found++
  if (order.length > 0 && found < kept.length) {
    const [inPatch, wanted] = [JSON.stringify(items), JSON.stringify(order)]
    throw badRequest(`The order in patch list:\n${inPatch}\n doesn't match ${ORDER} list:\n${wanted}\n`)
  }
}

function checkItems(items: readonly Json[], { mergeKey = '', of = { fields: {} } }: FieldPatchRule): void {
  for (const item of items.filter(isMap)) {
    checkDirectives(item, of)
    // Nobody would know which item to take away.
    if (item.$patch === 'delete' && !(mergeKey in item)) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)
    }
  }
}

function unknownPatchType(patch: JsonMap): StatusError {
  return badRequest(`unknown patch type: ${JSON.stringify(patch.$patch)} in map: ${JSON.stringify(patch)}`)
}
