/**
 * JSON patch: a list of operations, done in order, all or none. A library does the work.
 *
 * Source: RFC 6902; apiserver `pkg/endpoints/handlers/patch.go` (jsonPatcher) for the answers to bad patches.
 */
import { applyPatch, type Operation, Pointer } from 'rfc6902'
import { StatusError } from '#kit/api/status-error.ts'
import { badRequest } from '../errors.ts'
import { isMap, type Json } from './merge-patch.ts'

const MAX_OPERATIONS = 10_000
/** As much as a request may bring. */
const MAX_COPIED_CHARACTERS = 3 * 1024 * 1024

/**
 * The target after all operations; the target itself is not changed. A patch that is no list is a 400, an operation that
 * cannot be done (a path that is not there, a `test` that fails) a 422 "the server rejected our request due to an error
 * in our request".
 */
export function applyJsonPatch(target: Json, patch: Json): Json {
  if (!Array.isArray(patch) || !patch.every(isMap))
    throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  if (patch.length > MAX_OPERATIONS) {
    throw new StatusError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    )
  }
  // The library changes lists and maps in place, and the first operation may replace the root.
  const root = { target: structuredClone(target) }
  let copied = 0
  for (const { path, from, ...operation } of patch as unknown as Sent[]) {
    if (!isPointer(path) || (from !== undefined && !isPointer(from))) throw rejected()
    const within = { ...operation, path: `/target${path}`, ...(from !== undefined && { from: `/target${from}` }) }
    if (within.op === 'copy') copied += sizeAt(root, within.from)
    if (copied > MAX_COPIED_CHARACTERS) throw copiesTooMuch(copied)
    if (!namesItems(root, within.path) || !namesItems(root, within.from) || !isDone(root, within)) throw rejected()
  }
  return root.target
}

/** As clients send it: anything may be missing, or something else. */
interface Sent {
  readonly op?: unknown
  readonly path?: unknown
  readonly from?: unknown
}

/** Before something is put in front of it. */
function isPointer(text: unknown): text is string {
  return typeof text === 'string' && /^($|\/)/.test(text)
}

function isDone(root: object, operation: object): boolean {
  try {
    return applyPatch(root, [operation as Operation])[0] === null
  } catch {
    // A pointer that is none.
    return false
  }
}

/** What is at the end of a pointer, and the list or map that it is in; nothing where it leads nowhere. */
function lookUp(
  root: object,
  pointer = '',
): { readonly parent?: unknown; readonly key?: string; readonly value?: unknown } {
  try {
    return Pointer.fromJSON(pointer).evaluate(root)
  } catch {
    return {}
  }
}

/** Lists have items, maps have entries; what else a list or map has in JavaScript (`length`, `__proto__`) is nobody's business. */
function namesItems(root: object, pointer: string | undefined): boolean {
  const { parent, key = '' } = lookUp(root, pointer)
  if (key === '__proto__') return false
  return !Array.isArray(parent) || /^(-|0|[1-9][0-9]*)$/.test(key)
}

function sizeAt(root: object, pointer: string | undefined): number {
  return JSON.stringify(lookUp(root, pointer).value ?? null).length
}

function rejected(): StatusError {
  return new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {})
}

/** Thirty copies of everything into itself would be a billion times what there was. */
function copiesTooMuch(size: number): StatusError {
  const why = `the accumulated size increase of copy is ${size}, exceeding the limit ${MAX_COPIED_CHARACTERS}`
  return new StatusError(413, 'RequestEntityTooLarge', `Unable to complete the copy, ${why}`)
}
