/**
 * What each verb does with a stored kind, whatever the kind: one line a verb.
 *
 * Source: apiserver `pkg/endpoints/installer.go` (registerResourceHandlers).
 */
import { hasReason } from '#kit/api/status-error.ts'
import type { ApiResponse } from '#kit/contracts/apiserver.ts'
import { answer, type Call, writtenAnswer } from '../call.ts'
import { methodNotAllowed } from '../errors.ts'
import { createObject } from './create.ts'
import { deleteObject, deleteOptionsOf, deletionAnswer } from './delete.ts'
import { patchObject } from './patch.ts'
import { getObject, listObjects } from './read.ts'
import { putObject } from './update.ts'
import { watchObjects } from './watch.ts'

const handlers: Readonly<Record<string, (call: Call) => Promise<ApiResponse>>> = {
  get: async ({ context, target, request }) => answer(target, await getObject(context, target, request.query)),
  list: async ({ context, target, request }) => answer(target, await listObjects(context, target, request.query)),
  watch: async ({ context, target, request }) => ({
    kind: 'watch',
    row: target.row,
    ...(await watchObjects(context, target, request.query)),
  }),
  create: async ({ context, target, request, options }) =>
    writtenAnswer(target, await createObject(context, target, request.body, options)),
  update: async ({ context, target, request, options }) =>
    writtenAnswer(target, await putObject(context, target, request.body, options)),
  patch: async ({ context, target, request, options }) =>
    writtenAnswer(target, await patchObject(context, target, request.contentType, request.body, options)),
  delete: handleDelete,
  deletecollection: handleDeleteCollection,
}

export function handleVerb(call: Call): Promise<ApiResponse> {
  const { info, target } = call
  const handler = handlers[info.verb]
  if (!handler || !target.row.verbs.some((verb) => verb === info.verb)) throw methodNotAllowed()
  return handler(call)
}

async function handleDelete({ context, target, request }: Call): Promise<ApiResponse> {
  const options = deleteOptionsOf(request)
  const deletion = await deleteObject(context, target, options)
  return answer(target, deletionAnswer(target.row, deletion), options.saysAccepted && !deletion.removed ? 202 : 200)
}

/** Deletes what a list with the same query finds (with a `limit`, its first page), one by one, and answers with that list. */
async function handleDeleteCollection({ context, target, request }: Call): Promise<ApiResponse> {
  const options = deleteOptionsOf(request)
  const list = await listObjects(context, target, request.query)
  for (const { metadata } of list.items) {
    try {
      await deleteObject(context, { ...target, name: metadata?.name ?? '' }, options)
    } catch (error) {
      // Somebody else was faster: it is gone, which is what was asked for.
      if (!hasReason(error, 'NotFound')) throw error
    }
  }
  return answer(target, list)
}
