/**
 * Reviews: who am I, whose token is this, may somebody do something, what may I do. Answered by the same code that decides
 * about requests, so that the answers cannot differ from what would happen.
 *
 * Source: kubernetes `pkg/registry/{authentication,authorization}`, `pkg/apis/authorization/validation`.
 */
import type { ApiObject, ObjectMeta } from '#kit/api/objects.ts'
import type { ApiResponse, FieldError, RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'
import type { Call } from '../call.ts'
import { badRequest, invalid, methodNotAllowed, unknownResource } from '../errors.ts'
import { invalidValue } from '../validation/field-errors.ts'
import { decodeBody } from '../verbs/decode-body.ts'
import { type AuthorizerSources, mayDo } from './authorize.ts'
import { nodeNameOf } from './node-authorizer.ts'
import { allowingBinding } from './policy-view.ts'
import { rulesOf } from './rule-cover.ts'
import type { TokenHolder } from './token-holders.ts'
import { userFields } from './user-fields.ts'

export interface ReviewSources extends AuthorizerSources {
  /** Whose token it is, and for which of these audiences (none: the server's own) it was made; undefined: nobody's. */
  userOfToken(token: string, audiences: readonly string[]): Promise<TokenHolder | undefined>
}

/** No binding allows them what they do. */
const SUPERUSERS = 'system:masters'

/** One review, ready to be answered. */
interface Question {
  readonly spec: Readonly<Record<string, unknown>>
  readonly user: UserInfo
  readonly namespace: string
  readonly sources: ReviewSources
}

const answers: Readonly<Record<string, (question: Question) => Promise<object>>> = {
  SelfSubjectReview: async ({ user }) => ({ userInfo: userFields(user) }),
  TokenReview: reviewToken,
  SelfSubjectAccessReview: ({ spec, user, sources }) => reviewAccess('SelfSubjectAccessReview', spec, user, sources),
  SubjectAccessReview: ({ spec, sources }) => reviewSubject('SubjectAccessReview', spec, sources),
  LocalSubjectAccessReview({ spec, namespace, sources }) {
    if ((spec as AccessSpec).resourceAttributes?.namespace !== namespace) {
      throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`)
    }
    return reviewSubject('LocalSubjectAccessReview', spec, sources)
  },
  SelfSubjectRulesReview: reviewRules,
}

export async function answerReview(call: Call, sources: ReviewSources): Promise<ApiResponse> {
  const { context, request, info, target, user, options } = call
  const { row, namespace } = target
  const review = answers[row.resource.kind]
  if (!review || info.subresource || info.name) throw unknownResource()
  if (info.verb !== 'create' || (row.resource.namespaced && !namespace)) throw methodNotAllowed()
  const { draft, warnings } = decodeBody(context, row.resource, request.body, options)
  const { kind = '', apiVersion, metadata = {}, spec = {} } = draft
  const question = { spec: spec as Question['spec'], user, namespace, sources }
  const status = await review(question)
  const object: ApiObject = {
    kind,
    apiVersion: apiVersion ?? '',
    metadata: { ...reviewMetadata(kind, context.clock.now()), ...metadata, ...(namespace && { namespace }) },
    ...(kind !== 'SelfSubjectReview' && { spec: kind === 'SelfSubjectRulesReview' ? {} : spec }),
    status,
  }
  return { kind: 'object', code: 201, row, object, warnings }
}

/** Reviews are not created, so they are not born either; only the newest of them says when it was answered. */
function reviewMetadata(kind: string, nowMs: number): ObjectMeta {
  const answeredAt = kind === 'SelfSubjectReview' ? new Date(nowMs).toISOString().replace(/\.\d+/, '') : null
  return { creationTimestamp: answeredAt } as ObjectMeta
}

async function reviewToken({ spec, sources }: Question): Promise<object> {
  const { token, audiences = [] } = spec as { token?: string; audiences?: readonly string[] }
  if (!token) throw badRequest('token is required for TokenReview in authentication')
  const holder = await sources.userOfToken(token, audiences)
  if (!holder) return { user: {}, error: '[invalid bearer token]' }
  return { authenticated: true, user: userFields(holder.user), audiences: holder.audiences }
}

interface AccessSpec {
  readonly user?: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly resourceAttributes?: Partial<
    Pick<RequestInfo, 'namespace' | 'verb' | 'resource' | 'subresource' | 'name'>
  > & {
    readonly group?: string
    readonly version?: string
  }
  readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string }
}

function reviewSubject(kind: string, spec: AccessSpec, sources: ReviewSources): Promise<object> {
  const { user = '', uid, groups = [] } = spec
  const problems: FieldError[] =
    user === '' && groups.length === 0
      ? [invalidValue('spec.user', '""', 'at least one of user or group must be specified')]
      : []
  return reviewAccess(kind, spec, { name: user, ...(uid && { uid }), groups }, sources, problems)
}

async function reviewAccess(
  kind: string,
  spec: AccessSpec,
  user: UserInfo,
  sources: ReviewSources,
  problems: readonly FieldError[] = [],
): Promise<object> {
  const errors = [...attributeProblems(spec), ...problems]
  if (errors.length > 0) throw invalid({ group: 'authorization.k8s.io', kind }, '', errors)
  const info = requestOf(spec)
  const allowed = await mayDo(user, info, sources)
  const needsBinding = allowed && !user.groups.includes(SUPERUSERS)
  const reason = needsBinding ? allowingBinding(user, info, await sources.policy.now()) : ''
  return { allowed, ...(reason && { reason }) }
}

function attributeProblems({ resourceAttributes, nonResourceAttributes }: AccessSpec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const why = 'cannot be specified in combination with resourceAttributes'
    return [invalidValue('spec.nonResourceAttributes', JSON.stringify(nonResourceAttributes), why)]
  }
  if (resourceAttributes || nonResourceAttributes) return []
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
  return [invalidValue('spec.resourceAttributes', '"null"', why)]
}

/** The request that is asked about. */
function requestOf({ resourceAttributes, nonResourceAttributes }: AccessSpec): RequestInfo {
  const { group = '', version = '', verb = '', ...asked } = resourceAttributes ?? {}
  return {
    isResourceRequest: resourceAttributes !== undefined,
    verb: verb || (nonResourceAttributes?.verb ?? ''),
    path: nonResourceAttributes?.path ?? '',
    apiPrefix: group ? 'apis' : 'api',
    apiGroup: group,
    apiVersion: version,
    namespace: asked.namespace ?? '',
    resource: asked.resource ?? '',
    subresource: asked.subresource ?? '',
    name: asked.name ?? '',
  }
}

async function reviewRules({ spec, user, sources }: Question): Promise<object> {
  const { namespace } = spec as { namespace?: string }
  if (!namespace) throw badRequest('no namespace on request')
  const rules = rulesOf(user, namespace, (await sources.policy.now()).bindings)
  const isKubelet = nodeNameOf(user) !== undefined
  return {
    resourceRules: rules.filter((rule) => !rule.nonResourceURLs),
    nonResourceRules: rules.filter((rule) => rule.nonResourceURLs),
    incomplete: isKubelet,
    ...(isKubelet && { evaluationError: 'node authorizer does not support user rule resolution' }),
  }
}
