/**
 * `/binding`: the scheduler's word becomes the pod's `spec.nodeName`, by an update that nobody owns.
 *
 * Source: kubernetes `pkg/registry/core/pod/storage/storage.go` (BindingREST).
 */
import type { Binding, Stored } from '#kit/api/objects.ts'
import type { ApiResponse } from '#kit/contracts/apiserver.ts'
import { success } from '../call.ts'
import { checkPreconditions, toRfc3339 } from '../deletion.ts'
import { badRequest } from '../errors.ts'
import { decodeBody } from '../verbs/decode-body.ts'
import { type NewObject, type UpdateDoor, updateObject } from '../verbs/update.ts'
import { bindPod } from './binding.ts'
import type { SubresourceCall } from './subresource-call.ts'

const bindingDoor: UpdateDoor = {
  subresource: 'binding',
  isUnbooked: true,
  prepare: (pod) => pod,
  validate: () => [],
}

export async function handleBinding(call: SubresourceCall): Promise<ApiResponse> {
  const { context, request, target, options, subresource } = call
  const { draft } = decodeBody(context, subresource.kind, request.body, options)
  const binding = draft as Stored<Binding>
  if (!binding.target?.name) throw badRequest('target.name: Required value')
  const now = toRfc3339(context.clock.now())
  const bound: NewObject = (pod) => {
    // The pod that was decided about may be gone, and another one have its name.
    const { uid, resourceVersion } = binding.metadata ?? {}
    checkPreconditions({ ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }, pod, target.row)
    return { draft: bindPod(pod, binding, now), warnings: [] }
  }
  await updateObject(context, target, bound, options, bindingDoor)
  return success(201)
}
