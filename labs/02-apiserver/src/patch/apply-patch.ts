/** Which patch is it? The content type tells. Source: apiserver `pkg/endpoints/handlers/patch.go`. */
import type { ApiObject } from '#kit/api/objects.ts'
import { StatusError } from '#kit/api/status-error.ts'
import { badRequest } from '../errors.ts'
import { checkDirectives } from './check-directives.ts'
import { applyJsonPatch } from './json-patch.ts'
import { applyMergePatch, isMap, type JsonMap } from './merge-patch.ts'
import { patchSchemaOf } from './patch-schema.ts'
import { strategicMerge } from './strategic-merge.ts'

/** The object after the patch: parts of the old one and of the patch, neither of which is changed. */
export function applyPatch(object: ApiObject, contentType: string | undefined, patch: unknown): ApiObject {
  const patched = patchOf(object, contentType, patch)
  if (!isMap(patched)) throw badRequest('the patch leaves no object')
  return patched as ApiObject
}

function patchOf(object: ApiObject, contentType: string | undefined, patch: unknown): unknown {
  switch (contentType) {
    case 'application/json-patch+json':
      return applyJsonPatch(object, patch)
    case 'application/merge-patch+json':
      return applyMergePatch(object, asMap(patch))
    case 'application/strategic-merge-patch+json':
      return strategically(object, asMap(patch))
    default:
      throw new StatusError(
        415,
        'UnsupportedMediaType',
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json',
      )
  }
}

function strategically(object: ApiObject, patch: JsonMap): JsonMap {
  const schema = patchSchemaOf(object.kind ?? '')
  checkDirectives(patch, schema)
  return strategicMerge(object, patch, schema)
}

function asMap(patch: unknown) {
  if (!isMap(patch)) throw badRequest('the patch must be an object')
  return patch
}
