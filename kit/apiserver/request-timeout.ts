/**
 * Nobody waits for ever: a request that is not decided in a minute, or in the time that the client gives it, ends with 504.
 *
 * Source: apiserver `pkg/server/filters/timeout.go`.
 */
import { StatusError } from '../api/status-error.ts'
import type { ApiResponse } from '../contracts/apiserver.ts'
import type { RequestTarget } from './request-query.ts'

export const REQUEST_TIMEOUT_MS = 60_000

/** `?timeout=32s` may shorten the server's own limit, never lengthen it. Watches have a parameter of their own. */
export function timeoutMs({ query }: RequestTarget): number {
  const [text = ''] = query.timeout ?? []
  if (text === '') return REQUEST_TIMEOUT_MS
  const wanted = durationMs(text)
  if (wanted === undefined) {
    const why = `time: invalid duration ${JSON.stringify(text)}`
    throw new StatusError(400, 'BadRequest', `invalid timeout specified in the request URL - ${why}`)
  }
  return wanted > 0 ? Math.min(wanted, REQUEST_TIMEOUT_MS) : REQUEST_TIMEOUT_MS
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/** As Go writes durations: "32s", "6m23s", "1.5h", "0"; undefined when it is none. */
function durationMs(text: string): number | undefined {
  if (/^[-+]?0$/.test(text)) return 0
  if (!/^[-+]?((\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  const parts = text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)
  const sum = [...parts].reduce((total, [, amount, unit = '']) => total + Number(amount) * (UNIT_MS[unit] ?? 0), 0)
  return text.startsWith('-') ? -sum : sum
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
