/**
 * /healthz, /livez, /readyz: "ok", or the checks one by one with `?verbose`.
 *
 * Source: apiserver `pkg/server/healthz/healthz.go`.
 */
import type { Query } from './request-query.ts'

export interface Check {
  readonly name: string
  passes(): boolean
}

export interface HealthAnswer {
  readonly code: 200 | 404 | 500
  readonly text: string
}

/** @param path "/readyz", or "/readyz/ping" for one check alone. */
export function healthAnswer(path: string, query: Query, checks: readonly Check[]): HealthAnswer {
  const [, endpoint = '', only] = path.split('/')
  if (only !== undefined) {
    const check = checks.find(({ name }) => name === only)
    if (!check) return { code: 404, text: '404 page not found\n' }
    return check.passes() ? { code: 200, text: 'ok' } : { code: 500, text: 'internal server error: not ready\n' }
  }
  const excluded = query.exclude ?? []
  const results = checks
    .filter(({ name }) => !excluded.includes(name))
    .map((check) => ({ name: check.name, ok: check.passes() }))
  const lines = results
    .map(({ name, ok }) => (ok ? `[+]${name} ok\n` : `[-]${name} failed: reason withheld\n`))
    .join('')
  if (results.some(({ ok }) => !ok)) return { code: 500, text: `${lines}${endpoint} check failed\n` }
  return { code: 200, text: query.verbose ? `${lines}${endpoint} check passed\n` : 'ok' }
}
