/**
 * Nobody waits for ever: a request that is not decided in a minute, or in the time that the client gives it, ends with 504.
 *
 * Source: apiserver `pkg/server/filters/timeout.go`.
 */
import { StatusError } from '../api/status-error.ts'
import type { ApiResponse } from '../contracts/apiserver.ts'
import type { RequestTarget } from './request-query.ts'

export const REQUEST_TIMEOUT_MS = 60_000

export /** `?timeout=32s` may shorten the server's own limit, never lengthen it. */
function timeoutMs({ query }: RequestTarget): number {
  const seconds = /^(\d+)s$/.exec(query.timeout?.[0] ?? '')?.[1]
  return seconds && Number(seconds) > 0 ? Math.min(Number(seconds) * 1000, REQUEST_TIMEOUT_MS) : REQUEST_TIMEOUT_MS
}

/** The core's answer, if it comes in time. One that comes too late is let go of. */
export async function withTimeout(work: Promise<ApiResponse>, limitMs: number): Promise<ApiResponse> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      work.then(
        (late) => late.kind === 'watch' && late.stop(),
        () => {},
      )
      reject(new StatusError(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout'))
    }, limitMs)
  })
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}
