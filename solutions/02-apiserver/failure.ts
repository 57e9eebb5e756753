/**
 * The Status of whatever was thrown. What nobody expected is logged: it is our mistake, or etcd's silence.
 *
 * Source: apiserver `pkg/endpoints/handlers/responsewriters/{status,errors}.go`.
 */
import { StatusError } from '#kit/api/status-error.ts'
import type { ApiRequest, ApiResponse } from '#kit/contracts/apiserver.ts'
import type { Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'

export function failure(error: unknown, { method, path }: ApiRequest, log: Log): ApiResponse {
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
