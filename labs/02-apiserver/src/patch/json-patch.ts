/**
 * JSON patch: a list of operations, done in order, all or none. A library does the work.
 *
 * Source: RFC 6902; apiserver `pkg/endpoints/handlers/patch.go` (jsonPatcher) for the answers to bad patches.
 */
import { applyPatch, type Operation } from 'rfc6902'
import { StatusError } from '#kit/api/status-error.ts'
import { badRequest } from '../errors.ts'
import { isMap, type Json } from './merge-patch.ts'

const MAX_OPERATIONS = 10_000

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
  const operations = (patch as unknown as Operation[]).map((operation) => ({
    ...operation,
    path: `/target${operation.path}`,
    ...('from' in operation && { from: `/target${operation.from}` }),
  }))
  const problem = applyPatch(root, operations as Operation[]).find((result) => result !== null)
  if (!problem) return root.target
  throw new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {})
}
