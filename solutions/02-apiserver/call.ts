/**
 * One request, ready to be handled: it is known who asks, and that they may; and the shapes of the answers.
 *
 * Verbs and subresources are tables of handlers for such calls (verbs/dispatch.ts, subresources/dispatch.ts).
 */
import type { ApiObject } from '#kit/api/objects.ts'
import type { ApiRequest, ApiResponse, RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'
import type { ApiContext, Target, WriteOptions, Written } from './verbs/context.ts'

export interface Call {
  readonly context: ApiContext
  readonly request: ApiRequest
  readonly info: RequestInfo
  readonly target: Target
  readonly user: UserInfo
  readonly options: WriteOptions
}

export function answer({ row }: Target, object: ApiObject, code = 200): ApiResponse {
  return { kind: 'object', code, row, object }
}

export function writtenAnswer({ row }: Target, { object, created, warnings }: Written): ApiResponse {
  return { kind: 'object', code: created ? 201 : 200, row, object, warnings }
}

/** For what has been done, and has no object to show. */
export function success(code: number): ApiResponse {
  return { kind: 'object', code, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code } }
}
