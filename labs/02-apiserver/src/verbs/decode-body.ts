/** From a request's body to a draft: an object of the right kind, of the right shape, in its stored version. */
import type { ApiObject } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { badRequest } from '../errors.ts'
import type { ApiContext, WriteOptions } from './context.ts'

export interface Draft {
  /** Free to be changed: nobody else has it. */
  readonly draft: ApiObject
  readonly warnings: readonly string[]
}

type Kind = { readonly group: string; readonly version: string; readonly kind: string }

/**
 * Checks that the body is an object of this kind, leaves out what the kind does not have (an error or a warning, as
 * `fieldValidation` says), and refuses values of the wrong type.
 *
 * Source: apiserver `pkg/endpoints/handlers/create.go`, `rest.go` (transformDecodeError).
 */
export function decodeBody(
  context: Pick<ApiContext, 'decode'>,
  kind: Kind,
  body: unknown,
  options: WriteOptions,
): Draft {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): it is not an object`)
  }
  const sent = body as ApiObject
  const apiVersion = apiVersionOf(kind)
  if ((sent.kind && sent.kind !== kind.kind) || (sent.apiVersion && sent.apiVersion !== apiVersion)) {
    throw badRequest(
      `the API version in the data (${sent.apiVersion}, Kind=${sent.kind}) does not match the expected API version (${apiVersion}, Kind=${kind.kind})`,
    )
  }
  const { object, unknownFields, typeProblem } = context.decode(kind, sent)
  const inVersion = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`
  if (typeProblem) throw badRequest(`${inVersion}: ${typeProblem}`)
  const problems = unknownFields.map((field) => `unknown field "${field}"`)
  if (problems.length > 0 && options.fieldValidation === 'Strict') {
    throw badRequest(`${inVersion}: strict decoding error: ${problems.join(', ')}`)
  }
  return {
    draft: inOrder({ ...object, kind: kind.kind, apiVersion }),
    warnings: options.fieldValidation === 'Warn' ? problems : [],
  }
}

/** The draft in the version that is stored. */
export function toStorage(row: KindRow, draft: ApiObject): ApiObject {
  return row.conversion ? row.conversion.toStorage(draft) : draft
}

/** The server's own order: kubectl prints fields as they come. */
function inOrder({ kind, apiVersion, metadata, ...others }: ApiObject): ApiObject {
  return { kind, apiVersion, ...(metadata && { metadata }), ...others } as ApiObject
}
