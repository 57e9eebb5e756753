/**
 * Kubernetes' way of saying no: a `Status` object, here as an Error.
 *
 * Source: apimachinery `pkg/api/errors/errors.go` (reasons, codes and message texts).
 */
export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'Invalid'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'UnsupportedMediaType'
  | 'RequestEntityTooLarge'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Timeout'
  | 'ServerTimeout'
  | 'NotImplemented'
  | 'Unknown'

export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

/** The wire form: `{"kind":"Status","apiVersion":"v1",…}`. */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Record<string, unknown>
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: StatusReason
  readonly details?: StatusDetails
  readonly code: number
}

export class StatusError extends Error {
  override readonly name = 'StatusError'
  /** HTTP status code. */
  readonly code: number
  readonly reason: StatusReason
  readonly details: StatusDetails | undefined
  /** Of the Status: where a list that has expired can be continued. */
  readonly metadata: Readonly<Record<string, unknown>>

  constructor(code: number, reason: StatusReason, message: string, details?: StatusDetails, metadata = {}) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = details
    this.metadata = metadata
  }

  static from(status: Partial<Status>): StatusError {
    return new StatusError(
      status.code ?? 500,
      status.reason ?? 'Unknown',
      status.message ?? 'unknown error',
      status.details,
    )
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.metadata,
      status: 'Failure',
      message: this.message,
      // In Go, StatusReasonUnknown is the empty text, which JSON leaves out.
      ...(this.reason !== 'Unknown' && { reason: this.reason }),
      ...(this.details && { details: this.details }),
      code: this.code,
    }
  }
}

/** True for a StatusError with that reason: `hasReason(error, 'Conflict')`. */
export function hasReason(error: unknown, ...reasons: StatusReason[]): error is StatusError {
  return error instanceof StatusError && reasons.includes(error.reason)
}
