/** Which handler answers for `/pods/web/status`, `/deployments/web/scale`, `/pods/web/log`, … */
import type { ApiObject, Binding, Node, Pod, Stored } from '#kit/api/objects.ts'
import { apiVersionOf, resources } from '#kit/api/resources.ts'
import type {
  ApiRequest,
  ApiResponse,
  KindRow,
  KubeletStream,
  RequestInfo,
  SubresourceRow,
} from '#kit/contracts/apiserver.ts'
import { answerTokenRequest } from '../auth/token-request.ts'
import { checkPreconditions, toRfc3339 } from '../deletion.ts'
import { badRequest, invalid, methodNotAllowed, notFound, unknownResource } from '../errors.ts'
import type { Configuration } from '../managed-fields/apply-configuration.ts'
import { applyPatch } from '../patch/apply-patch.ts'
import { storageKey } from '../storage/keys.ts'
import { applyObject, readConfiguration } from '../verbs/apply.ts'
import { type ApiContext, keyOf, type Target, type WriteOptions, type Written } from '../verbs/context.ts'
import { decodeBody } from '../verbs/decode-body.ts'
import { patchObject } from '../verbs/patch.ts'
import { getObject } from '../verbs/read.ts'
import { mainDoor, putObject, type UpdateDoor, updateObject } from '../verbs/update.ts'
import { APPLY_PATCH } from '../verbs/write-options.ts'
import { bindPod } from './binding.ts'
import { evictPod } from './eviction.ts'
import { kubeletStream } from './kubelet-stream.ts'
import { ephemeralContainersDoor, resizeDoor } from './pod-doors.ts'
import { type ProxySources, proxyDestination } from './proxy-destination.ts'
import { type Scale, scaleOf, validateScale, withScale } from './scale.ts'
import { onlyConditions, onlyFinalizers, onlyStatus } from './status.ts'

/** One request for a subresource, ready to be handled. */
interface Call {
  readonly context: ApiContext
  readonly request: ApiRequest
  readonly info: RequestInfo
  readonly target: Target
  readonly options: WriteOptions
  readonly subresource: SubresourceRow
}

type Handler = (call: Call) => Promise<ApiResponse>

const handlers: Readonly<Record<string, Handler>> = {
  status: (call) => throughDoor(call, statusDoor),
  finalize: (call) => throughDoor(call, finalizeDoor),
  approval: (call) => throughDoor(call, approvalDoor),
  ephemeralcontainers: (call) => throughDoor(call, ephemeralContainersDoor),
  resize: (call) => throughDoor(call, resizeDoor),
  scale: handleScale,
  binding: handleBinding,
  eviction: ({ context, request, target, options, subresource }) =>
    evictPod(context, target, request, subresource, options).then(() => success(201)),
  token: ({ context, request, target, options, subresource }) =>
    answerTokenRequest(context, target, request, subresource, options),
  log: (call) => stream(call, 'log'),
  exec: (call) => stream(call, 'exec'),
  attach: (call) => stream(call, 'attach'),
  portforward: (call) => stream(call, 'portforward'),
  proxy: handleProxy,
}

export function handleSubresource(call: Omit<Call, 'subresource'>): Promise<ApiResponse> {
  const subresource = call.target.row.subresources.find(({ name }) => name === call.info.subresource)
  const handler = handlers[call.info.subresource]
  if (!subresource || !handler) throw unknownResource()
  if (!subresource.verbs.some((verb) => verb === call.info.verb)) throw methodNotAllowed()
  return handler({ ...call, subresource })
}

/** A status is not the spec's business: what is wrong with the spec by newer rules must not stop a controller's report. */
const statusDoor: UpdateDoor = { subresource: 'status', prepare: onlyStatus, validate: () => [] }
const finalizeDoor: UpdateDoor = { subresource: 'finalize', prepare: onlyFinalizers, validate: () => [] }
const approvalDoor: UpdateDoor = { subresource: 'approval', prepare: onlyConditions, validate: () => [] }

/** get, update and patch through a door. */
async function throughDoor({ context, request, info, target, options }: Call, door: UpdateDoor): Promise<ApiResponse> {
  if (info.verb === 'get') return answer(target, 200, await getObject(context, target, request.query))
  const written =
    info.verb === 'update'
      ? await putObject(context, target, request.body, options, door)
      : await patchObject(context, target, request.contentType, request.body, options, door)
  return writtenAnswer(target, written)
}

/** The Scale is made from the object, changed, and put back into the object. */
async function handleScale({ context, request, info, target, options, subresource }: Call): Promise<ApiResponse> {
  const { row } = target
  if (info.verb === 'get') {
    return answer(target, 200, scaleOf((await getObject(context, target, request.query)) as Stored<ApiObject>))
  }
  const scaleDoor: UpdateDoor = { ...mainDoor(row), subresource: 'scale' }
  if (request.contentType === APPLY_PATCH) {
    const scale = readConfiguration(context, target, subresource.kind, request.body)
    const applied = await applyObject(context, target, configurationOf(scale, row), options, scaleDoor)
    return answer(target, 200, scaleOf(applied.object as Stored<ApiObject>))
  }
  const written = await updateObject(
    context,
    target,
    (current) => {
      const wanted =
        info.verb === 'update' ? request.body : applyPatch(scaleOf(current), request.contentType, request.body)
      const { draft, warnings } = decodeBody(context, subresource.kind, wanted, options)
      const errors = validateScale(draft as Scale)
      if (errors.length > 0) throw invalid(subresource.kind, target.name, errors)
      return { draft: structuredClone(withScale(current, draft as Scale)), warnings }
    },
    options,
    scaleDoor,
  )
  return answer(target, 200, scaleOf(written.object as Stored<ApiObject>))
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

async function handleBinding({ context, request, target, options, subresource }: Call): Promise<ApiResponse> {
  const { draft } = decodeBody(context, subresource.kind, request.body, options)
  const binding = draft as unknown as Binding
  if (!binding.target?.name) throw badRequest('target.name: Required value')
  const now = toRfc3339(context.clock.now())
  const bindingDoor: UpdateDoor = {
    subresource: 'binding',
    isUnbooked: true,
    prepare: (pod) => pod,
    validate: () => [],
  }
  await updateObject(
    context,
    target,
    (pod) => {
      // The pod that was decided about may be gone, and another one have its name.
      const { uid, resourceVersion } = binding.metadata ?? {}
      checkPreconditions({ ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }, pod, target.row)
      return { draft: bindPod(pod, binding, now), warnings: [] }
    },
    options,
    bindingDoor,
  )
  return success(201)
}

async function stream({ context, request, target }: Call, operation: KubeletStream['operation']): Promise<ApiResponse> {
  const pod = (await context.objects.get(keyOf(target))) as unknown as Pod | undefined
  if (!pod) throw notFound(target.row.resource, target.name)
  const nodeName = pod.spec?.nodeName
  if (!nodeName) throw badRequest(`pod ${target.name} does not have a host assigned`)
  const node = await context.objects.get(storageKey({ storagePrefix: 'minions' }, undefined, nodeName))
  if (!node) throw notFound(resources.nodes, nodeName)
  return { kind: 'stream', ...kubeletStream(operation, pod, node as unknown as Node, request.query) }
}

/** Anything that speaks HTTP, by way of the API server: nodes, pods, services. */
async function handleProxy({ context, info, target }: Call): Promise<ApiResponse> {
  const prefixes = { nodes: 'minions', pods: 'pods', services: 'services/specs', endpoints: 'services/endpoints' }
  const sources: ProxySources = {
    get: (plural, namespace, name) =>
      context.objects.get(storageKey({ storagePrefix: prefixes[plural] }, namespace || undefined, name)),
    random: context.random,
  }
  const kind = target.row.resource.kind as 'Node' | 'Pod' | 'Service'
  return { kind: 'proxy', ...(await proxyDestination(sources, kind, info)) }
}

function answer({ row }: Target, code: number, object: ApiObject): ApiResponse {
  return { kind: 'object', code, object, row }
}

function writtenAnswer(target: Target, { object, warnings }: Written): ApiResponse {
  return { kind: 'object', code: 200, object, row: target.row, warnings }
}

function success(code: number): ApiResponse {
  return { kind: 'object', code, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code } }
}
