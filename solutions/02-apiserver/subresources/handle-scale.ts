/**
 * `/scale`: a Scale is made from the object, changed, and put back into the object. It is stored nowhere.
 *
 * Source: kubernetes `pkg/registry/apps/deployment/storage/storage.go` (ScaleREST), `pkg/registry/…/scale`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import type { ApiResponse, KindRow } from '#kit/contracts/apiserver.ts'
import { answer } from '../call.ts'
import { invalid } from '../errors.ts'
import type { Configuration } from '../managed-fields/apply-configuration.ts'
import { applyPatch } from '../patch/apply-patch.ts'
import { applyObject, readConfiguration } from '../verbs/apply.ts'
import type { Written } from '../verbs/context.ts'
import { decodeBody } from '../verbs/decode-body.ts'
import { getObject } from '../verbs/read.ts'
import { type Draft, mainDoor, type UpdateDoor, updateObject } from '../verbs/update.ts'
import { APPLY_PATCH } from '../verbs/write-options.ts'
import { type Scale, scaleOf, validateScale, withScale } from './scale.ts'
import type { SubresourceCall } from './subresource-call.ts'

export async function handleScale(call: SubresourceCall): Promise<ApiResponse> {
  const { context, request, info, target } = call
  const object = info.verb === 'get' ? await getObject(context, target, request.query) : (await writeScale(call)).object
  return answer(target, scaleOf(object as Stored<ApiObject>))
}

function writeScale(call: SubresourceCall): Promise<Written> {
  const { context, request, target, options, subresource } = call
  const door: UpdateDoor = { ...mainDoor(target.row), subresource: 'scale' }
  if (request.contentType === APPLY_PATCH) {
    const scale = readConfiguration(context, target, subresource.kind, request.body)
    return applyObject(context, target, configurationOf(scale, target.row), options, door)
  }
  return updateObject(context, target, (current) => scaled(call, current), options, door)
}

/** The object with the replicas of the Scale that was sent, or that the patch makes of its present one. */
function scaled(
  { context, request, info, target, options, subresource }: SubresourceCall,
  current: Stored<ApiObject>,
): Draft {
  const wanted = info.verb === 'update' ? request.body : applyPatch(scaleOf(current), request.contentType, request.body)
  const { draft, warnings } = decodeBody(context, subresource.kind, wanted, options)
  const errors = validateScale(draft as Scale)
  if (errors.length > 0) throw invalid(subresource.kind, target.name, errors)
  return { draft: structuredClone(withScale(current, draft as Scale)), warnings }
}

/** To apply a Scale is to apply the replicas of its object, which is where they are owned. */
function configurationOf({ sent, object }: Configuration, { resource }: KindRow): Configuration {
  const { replicas } = (object as Scale).spec ?? {}
  const kind = { apiVersion: apiVersionOf(resource), kind: resource.kind }
  return {
    sent,
    object: { ...kind, metadata: object.metadata ?? {}, ...(replicas !== undefined && { spec: { replicas } }) },
  }
}
