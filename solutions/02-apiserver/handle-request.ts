/**
 * The whole server as one function: a plain request in, a plain answer out.
 *
 * What for? Who asks? May they? Then whoever answers for the kind and the verb (virtual-kinds.ts, verbs/dispatch.ts,
 * subresources/dispatch.ts). Whatever goes wrong on the way becomes a `Status`; the function never rejects. A part that is not
 * written yet answers 501 and says which.
 *
 * Source: apiserver `pkg/server/config.go` (DefaultBuildHandlerChain), `pkg/endpoints/handlers`.
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import type { ApiRequest, ApiResponse, KindRow, RequestHandler, RequestInfo } from '#kit/contracts/apiserver.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { TokenTable } from './auth/authenticate.ts'
import { authorize } from './auth/authorize.ts'
import { impersonated } from './auth/impersonate.ts'
import type { ReviewSources } from './auth/reviews.ts'
import { TokenHolders } from './auth/token-holders.ts'
import type { Call } from './call.ts'
import { methodNotAllowed, unknownResource } from './errors.ts'
import { failure } from './failure.ts'
import { parseRequestInfo } from './request-info.ts'
import { PODS } from './storage/keys.ts'
import { handleSubresource } from './subresources/dispatch.ts'
import type { ApiContext, Target } from './verbs/context.ts'
import { handleVerb } from './verbs/dispatch.ts'
import { writeOptionsOf } from './verbs/write-options.ts'
import { answerVirtual } from './virtual-kinds.ts'

export interface RequestHandlerOptions {
  readonly context: ApiContext
  readonly kinds: readonly KindRow[]
  readonly tokens: TokenTable
  readonly log: Log
}

export function createRequestHandler({ context, kinds, tokens, log }: RequestHandlerOptions): RequestHandler {
  const rows = new Map(kinds.map((row) => [rowKey(row.resource), row]))
  const groupVersions = new Set(kinds.map(({ resource: { group, version } }) => `${group}/${version}`))
  const holders = new TokenHolders(tokens, context.accountTokens)
  const sources: ReviewSources = {
    policy: context.policy,
    podsOn: (nodeName) => context.caches.of(PODS).boundTo(nodeName) as readonly Stored<Pod>[],
    userOfToken: (token, audiences) => holders.holderOf(token, audiences),
  }

  const answer = async (request: ApiRequest): Promise<ApiResponse> => {
    const info = { ...parseRequestInfo(request), fieldSelector: request.query.fieldSelector?.[0] }
    const caller = await holders.userOf(request.credentials)
    const user = await impersonated(caller, request.credentials.impersonate, sources)
    await authorize(user, info, sources)

    const { apiGroup: group, apiVersion: version, resource: plural } = info
    // A path below no group of ours is the shell's to refuse, as any unknown path.
    if (!info.isResourceRequest || !groupVersions.has(`${group}/${version}`)) return { kind: 'document' }
    const row = rows.get(rowKey({ group, version, plural }))
    if (!row) throw unknownResource()
    const authorizeCreation = () => authorize(user, { ...info, verb: 'create' }, sources)
    const options = { ...writeOptionsOf(request, user), authorizeCreation }
    const call: Call = { context, request, info, target: targetOf(row, info), user, options }
    return row.virtual ? answerVirtual(call, sources) : answerStored(call)
  }

  return async (request) => {
    try {
      return await answer(request)
    } catch (error) {
      return failure(error, request, log)
    }
  }
}

async function answerStored(call: Call): Promise<ApiResponse> {
  const { info, target } = call
  const acrossNamespaces = target.row.resource.namespaced && target.namespace === ''
  if (acrossNamespaces && info.verb !== 'list' && info.verb !== 'watch') throw methodNotAllowed()
  return info.subresource ? handleSubresource(call) : handleVerb(call)
}

function targetOf(row: KindRow, { namespace, name }: RequestInfo): Target {
  return { row, namespace: row.resource.namespaced ? namespace : '', name }
}

function rowKey({ group, version, plural }: { group: string; version: string; plural: string }): string {
  return `${group}/${version}/${plural}`
}
