/**
 * The whole server as one function: a plain request in, a plain answer out.
 *
 * What for? Who asks? May they? Then the verb. Whatever goes wrong on the way becomes a `Status`; the function never
 * rejects. A part that is not written yet answers 501 and says which.
 *
 * Source: apiserver `pkg/server/config.go` (DefaultBuildHandlerChain), `pkg/endpoints/handlers`.
 */
import type { Pod } from '#kit/api/objects.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type {
  ApiRequest,
  ApiResponse,
  Credentials,
  KindRow,
  RequestHandler,
  RequestInfo,
  UserInfo,
} from '#kit/contracts/apiserver.ts'
import type { Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { authenticate, type TokenTable } from './auth/authenticate.ts'
import { authorize } from './auth/authorize.ts'
import { impersonated } from './auth/impersonate.ts'
import { answerReview, type ReviewSources, type TokenHolder } from './auth/reviews.ts'
import { methodNotAllowed, unknownResource } from './errors.ts'
import { METRICS_GROUP } from './kinds/metrics.ts'
import { answerLegacy } from './legacy-answers.ts'
import { answerMetrics } from './measured-usage.ts'
import { parseRequestInfo } from './request-info.ts'
import { handleSubresource } from './subresources/dispatch.ts'
import type { ApiContext, Target, WriteOptions } from './verbs/context.ts'
import { createObject } from './verbs/create.ts'
import { deleteObject, deleteOptionsOf, deletionAnswer } from './verbs/delete.ts'
import { patchObject } from './verbs/patch.ts'
import { getObject, listObjects } from './verbs/read.ts'
import { putObject } from './verbs/update.ts'
import { watchObjects } from './verbs/watch.ts'
import { writeOptionsOf } from './verbs/write-options.ts'

export interface RequestHandlerOptions {
  readonly context: ApiContext
  readonly kinds: readonly KindRow[]
  readonly tokens: TokenTable
  readonly log: Log
}

export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  const { context, log } = options
  const rows = new Map(options.kinds.map((row) => [rowKey(row.resource), row]))
  const groupVersions = new Set(options.kinds.map(({ resource: { group, version } }) => `${group}/${version}`))

  const sources: ReviewSources = {
    policy: context.policy,
    podsOn: (nodeName) => podsOn(context, rows, nodeName),
    userOfToken: (token, audiences) => holderOf(token, audiences, options),
  }

  const answer = async (request: ApiRequest): Promise<ApiResponse> => {
    const info = { ...parseRequestInfo(request), fieldSelector: request.query.fieldSelector?.[0] }
    const caller = authenticate(request.credentials, await tokensFor(request.credentials, options))
    const user = await impersonated(caller, request.credentials.impersonate, sources)
    await authorize(user, info, sources)
    const { apiGroup: group, apiVersion: version, resource: plural } = info
    // A path below no group of ours is the shell's to refuse, as any unknown path.
    if (!info.isResourceRequest || !groupVersions.has(`${group}/${version}`)) return { kind: 'document' }
    const row = rows.get(rowKey({ group, version, plural }))
    if (!row) throw unknownResource()
    if (row.resource.group === METRICS_GROUP) return answerMetrics(context, row, info, request)
    if (row.virtual && group === '') {
      const target = { row, namespace: info.namespace, name: info.name }
      return answerLegacy({ context, request, info, target, options: writeOptionsOf(request, user) })
    }
    if (row.virtual) return handleReview(context, row, info, request, user, sources)
    const authorizeCreation = () => authorize(user, { ...info, verb: 'create' }, sources)
    return handleVerb(context, row, info, request, { ...writeOptionsOf(request, user), authorizeCreation })
  }

  return async (request) => {
    try {
      return await answer(request)
    } catch (error) {
      return failure(error, request, log)
    }
  }
}

/** The table; or, for a token that is not in it but is a service account's, one with just that. */
async function tokensFor(
  { certificate, bearerToken }: Credentials,
  options: RequestHandlerOptions,
): Promise<TokenTable> {
  const { tokens, context } = options
  if (certificate?.commonName || bearerToken === undefined || tokens.has(bearerToken)) return tokens
  const holder = await context.accountTokens?.holderOf(bearerToken)
  return holder ? new Map([[bearerToken, holder.user]]) : tokens
}

/** A token of the table is good for whatever audience is asked for. */
async function holderOf(
  token: string,
  audiences: readonly string[],
  { tokens, context }: RequestHandlerOptions,
): Promise<TokenHolder | undefined> {
  if (tokens.has(token)) return { user: authenticate({ bearerToken: token }, tokens), audiences }
  const holder = await context.accountTokens?.holderOf(token, audiences)
  return holder && { ...holder, user: authenticate({ bearerToken: token }, new Map([[token, holder.user]])) }
}

async function handleReview(
  context: ApiContext,
  row: KindRow,
  { verb, namespace, name, subresource }: RequestInfo,
  request: ApiRequest,
  user: UserInfo,
  sources: ReviewSources,
): Promise<ApiResponse> {
  if (subresource || name) throw unknownResource()
  if (verb !== 'create' || (row.resource.namespaced && !namespace)) throw methodNotAllowed()
  const target: Target = { row, namespace: row.resource.namespaced ? namespace : '', name: '' }
  return answerReview(context, target, request, { ...writeOptionsOf(request, user), user }, sources)
}

async function handleVerb(
  context: ApiContext,
  row: KindRow,
  info: RequestInfo,
  request: ApiRequest,
  options: WriteOptions,
): Promise<ApiResponse> {
  const namespace = row.resource.namespaced ? info.namespace : ''
  const target: Target = { row, namespace, name: info.name }
  const acrossNamespaces = row.resource.namespaced && namespace === ''
  if (acrossNamespaces && info.verb !== 'list' && info.verb !== 'watch') throw methodNotAllowed()
  if (info.subresource) return handleSubresource({ context, request, info, target, options })
  if (!row.verbs.some((verb) => verb === info.verb)) throw methodNotAllowed()

  switch (info.verb) {
    case 'get':
      return { kind: 'object', code: 200, row, object: await getObject(context, target, request.query) }
    case 'list':
      return { kind: 'object', code: 200, row, object: await listObjects(context, target, request.query) }
    case 'watch':
      return { kind: 'watch', row, ...(await watchObjects(context, target, request.query)) }
    case 'create': {
      const { object, warnings } = await createObject(context, target, request.body, options)
      return { kind: 'object', code: 201, row, object, warnings }
    }
    case 'update': {
      const { object, created, warnings } = await putObject(context, target, request.body, options)
      return { kind: 'object', code: created ? 201 : 200, row, object, warnings }
    }
    case 'patch': {
      const written = await patchObject(context, target, request.contentType, request.body, options)
      const { object, created, warnings } = written
      return { kind: 'object', code: created ? 201 : 200, row, object, warnings }
    }
    case 'delete': {
      const options = deleteOptionsOf(request)
      const deletion = await deleteObject(context, target, options)
      const code = options.saysAccepted && !deletion.removed ? 202 : 200
      return { kind: 'object', code, row, object: deletionAnswer(row, deletion) }
    }
    case 'deletecollection':
      return deleteCollection(context, target, request)
    default:
      throw methodNotAllowed()
  }
}

/** Deletes what a list with the same query finds (with a `limit`, its first page), one by one, and answers with that list. */
async function deleteCollection(context: ApiContext, target: Target, request: ApiRequest): Promise<ApiResponse> {
  const { row } = target
  const options = deleteOptionsOf(request)
  const list = await listObjects(context, target, request.query)
  for (const { metadata } of list.items) {
    try {
      await deleteObject(context, { ...target, name: metadata?.name ?? '' }, options)
    } catch (error) {
      // Somebody else was faster: it is gone, which is what was asked for.
      if (!(error instanceof StatusError && error.reason === 'NotFound')) throw error
    }
  }
  return { kind: 'object', code: 200, row, object: list }
}

function rowKey({ group, version, plural }: { group: string; version: string; plural: string }): string {
  return `${group}/${version}/${plural}`
}

function podsOn(context: ApiContext, rows: ReadonlyMap<string, KindRow>, nodeName: string): readonly Pod[] {
  const row = rows.get('/v1/pods')
  return row ? (context.caches.of(row).boundTo(nodeName) as unknown as readonly Pod[]) : []
}

/** The Status of whatever was thrown. What nobody expected is logged: it is our mistake, or etcd's silence. */
function failure(error: unknown, { method, path }: ApiRequest, log: Log): ApiResponse {
  const status = statusErrorOf(error)
  const isElsewhere = status.reason === 'Timeout' || status.reason === 'ServiceUnavailable'
  if (status.code >= 500 && !isElsewhere) log.error(`${method} ${path}`, error)
  return { kind: 'object', code: status.code, object: { ...status.toStatus() } }
}

function statusErrorOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error
  if (isNotImplemented(error)) return new StatusError(501, 'NotImplemented', error.message)
  if (error instanceof URIError) return new StatusError(400, 'BadRequest', 'the path is not well percent-encoded')
  const message = error instanceof Error ? error.message : String(error)
  if (/^etcdserver: |UNAVAILABLE|DEADLINE_EXCEEDED/.test(message)) {
    return new StatusError(500, 'InternalError', message, { causes: [] })
  }
  return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, {
    causes: [{ message }],
  })
}
