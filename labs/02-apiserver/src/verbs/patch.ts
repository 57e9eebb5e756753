/**
 * PATCH, of any sort: the content type tells.
 *
 * Source: apiserver `pkg/endpoints/handlers/patch.go`.
 */
import { applyPatch } from '../patch/apply-patch.ts'
import { applyObject, readConfiguration } from './apply.ts'
import { type ApiContext, present, type Target, type WriteOptions, type Written } from './context.ts'
import { decodeBody, toStorage } from './decode-body.ts'
import { mainDoor, type NewObject, type UpdateDoor, updateObject } from './update.ts'
import { APPLY_PATCH } from './write-options.ts'

export async function patchObject(
  context: ApiContext,
  target: Target,
  contentType: string | undefined,
  patch: unknown,
  options: WriteOptions,
  door: UpdateDoor = mainDoor(target.row),
): Promise<Written> {
  const { row } = target
  if (contentType === APPLY_PATCH) {
    return applyObject(context, target, readConfiguration(context, target, row.resource, patch), options, door)
  }
  const fromPatch: NewObject = (current) => {
    const patched = applyPatch(present(row, current), contentType, patch)
    const { draft, warnings } = decodeBody(context, row.resource, patched, options)
    return { draft: toStorage(row, draft), warnings }
  }
  return updateObject(context, target, fromPatch, options, door)
}
