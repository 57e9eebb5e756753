/**
 * `serviceaccounts/NAME/token`: a new token for an account. Kubelets ask for one for each pod that they start, people with
 * `kubectl create token`.
 *
 * Source: kubernetes `pkg/registry/core/serviceaccount/storage/token.go`, `pkg/apis/authentication/validation`.
 */
import type { ApiObject, Pod } from '#kit/api/objects.ts'
import type { ApiResponse, FieldError } from '#kit/contracts/apiserver.ts'
import { admit } from '../admission/chain.ts'
import { toRfc3339 } from '../deletion.ts'
import { badRequest, conflict, invalid, notFound, unknownResource } from '../errors.ts'
import type { SubresourceCall } from '../subresources/subresource-call.ts'
import { invalidValue } from '../validation/field-errors.ts'
import type { ApiContext } from '../verbs/context.ts'
import { decodeBody } from '../verbs/decode-body.ts'
import { findBound } from './account-tokens.ts'
import type { TokenBinding } from './token-claims.ts'

const HOUR_SECONDS = 3600
const MIN_SECONDS = 600
const MAX_SECONDS = 2 ** 32

interface TokenRequestSpec {
  readonly audiences?: readonly string[]
  readonly expirationSeconds?: number
  readonly boundObjectRef?: {
    readonly kind?: string
    readonly apiVersion?: string
    readonly name?: string
    readonly uid?: string
  }
}

export async function handleTokenRequest(call: SubresourceCall): Promise<ApiResponse> {
  const { context, request, target, options, subresource } = call
  const { row, namespace, name } = target
  const tokens = context.accountTokens
  if (!tokens) throw unknownResource()
  const { draft } = decodeBody(context, subresource.kind, request.body, options)
  const spec = (draft.spec ?? {}) as TokenRequestSpec
  const { expirationSeconds = HOUR_SECONDS, boundObjectRef } = spec
  const audiences = spec.audiences?.length ? spec.audiences : tokens.audiences
  const errors = lifetimeProblems(expirationSeconds)
  if (errors.length > 0) throw invalid(subresource.kind, '', errors)

  const account = await findBound(context, 'serviceaccount', namespace, name)
  if (!account) throw notFound(row.resource, name)
  await admit(
    { operation: 'CREATE', row, subresource: 'token', namespace, name, user: options.user, draft },
    context.cluster,
  )
  const serviceaccount = { name, uid: account.metadata.uid }
  const binding = { namespace, serviceaccount, ...(await boundObjects(context, namespace, name, boundObjectRef)) }
  const token = tokens.issue(binding, { audiences, expirationSeconds })

  const nowMs = context.clock.now()
  const object: ApiObject = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: toRfc3339(nowMs) },
    spec: { audiences, expirationSeconds, boundObjectRef: boundObjectRef ?? null },
    status: { token, expirationTimestamp: toRfc3339(nowMs + expirationSeconds * 1000) },
  }
  return { kind: 'object', code: 201, row, object }
}

function lifetimeProblems(seconds: number): FieldError[] {
  const field = 'spec.expirationSeconds'
  if (seconds < MIN_SECONDS) {
    return [invalidValue(field, `${seconds}`, 'may not specify a duration less than 10 minutes')]
  }
  if (seconds > MAX_SECONDS) {
    return [invalidValue(field, `${seconds}`, 'may not specify a duration larger than 2^32 seconds')]
  }
  return []
}

type Bound = Pick<TokenBinding, 'pod' | 'secret' | 'node'>

async function boundObjects(
  context: ApiContext,
  namespace: string,
  account: string,
  reference: TokenRequestSpec['boundObjectRef'],
): Promise<Bound> {
  if (!reference) return {}
  const { kind = '', apiVersion = '', name = '', uid } = reference
  const boundKind = apiVersion === 'v1' ? BOUND_KINDS[kind] : undefined
  if (!boundKind) throw badRequest(`cannot bind token to object of type ${apiVersion}, Kind=${kind}`)
  const resource = { group: '', plural: `${boundKind}s` }
  const object = await findBound(context, boundKind, namespace, name)
  if (!object) throw notFound(resource, name)
  const found = object.metadata.uid
  if (uid && uid !== found) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw conflict(resource, name, why)
  }
  return {
    [boundKind]: { name, uid: found },
    ...(boundKind === 'pod' && (await nodeOf(context, object as Pod, account))),
  }
}

const BOUND_KINDS: Readonly<Record<string, 'pod' | 'secret' | 'node'>> = { Pod: 'pod', Secret: 'secret', Node: 'node' }

/** A pod's token says on which node the pod runs, if it does yet. */
async function nodeOf(context: ApiContext, { spec }: Pod, account: string): Promise<Bound> {
  if (spec?.serviceAccountName !== account) {
    throw badRequest(
      `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
    )
  }
  const node = spec.nodeName && (await findBound(context, 'node', '', spec.nodeName))
  return node ? { node: { name: node.metadata.name, uid: node.metadata.uid } } : {}
}
