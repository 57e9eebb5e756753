/**
 * Subresources that are an object seen through a narrower door: one reads, replaces and patches the whole object, but only
 * a part of it can change.
 *
 * Source: kubernetes `pkg/registry/…/strategy.go` (a strategy per subresource).
 */
import type { ApiResponse } from '#kit/contracts/apiserver.ts'
import { answer, type Call, writtenAnswer } from '../call.ts'
import { patchObject } from '../verbs/patch.ts'
import { getObject } from '../verbs/read.ts'
import { putObject, type UpdateDoor } from '../verbs/update.ts'
import { onlyConditions, onlyFinalizers, onlyStatus } from './status.ts'

/** A status is not the spec's business: what is wrong with the spec by newer rules must not stop a controller's report. */
export const statusDoor: UpdateDoor = { subresource: 'status', prepare: onlyStatus, validate: () => [] }
export const finalizeDoor: UpdateDoor = { subresource: 'finalize', prepare: onlyFinalizers, validate: () => [] }
export const approvalDoor: UpdateDoor = { subresource: 'approval', prepare: onlyConditions, validate: () => [] }

/** get, update and patch through a door. */
export async function throughDoor(call: Call, door: UpdateDoor): Promise<ApiResponse> {
  const { context, request, info, target, options } = call
  if (info.verb === 'get') return answer(target, await getObject(context, target, request.query))
  const written =
    info.verb === 'update'
      ? await putObject(context, target, request.body, options, door)
      : await patchObject(context, target, request.contentType, request.body, options, door)
  return writtenAnswer(target, written)
}
