/**
 * /healthz, /livez, /readyz: "ok", or the checks one by one with `?verbose`; `?exclude=etcd` leaves one out.
 *
 * Source: apiserver `pkg/server/healthz/healthz.go`.
 */
import type { Query } from './request-query.ts'

export interface Check {
  readonly name: string
  passes(): boolean | Promise<boolean>
}

export interface HealthAnswer {
  readonly code: 200 | 404 | 500
  readonly text: string
}

/** @param path "/readyz", or "/readyz/ping" for one check alone. */
export async function healthAnswer(path: string, query: Query, checks: readonly Check[]): Promise<HealthAnswer> {
  const [, endpoint = '', ...rest] = path.split('/')
  const only = rest.join('/')
  if (only) return answerOfOne(checks.find(({ name }) => name === only))

  const excluded = query.exclude ?? []
  const results = await Promise.all(checks.map((check) => resultOf(check, excluded.includes(check.name))))
  const unknown = excluded.filter((name) => !checks.some((check) => check.name === name))
  const warning = unknown.length > 0 ? [warningAbout(unknown)] : []
  const lines = [...results.map(({ line }) => line), ...warning].join('')
  if (results.some(({ passed }) => !passed)) return { code: 500, text: `${lines}${endpoint} check failed\n` }
  return { code: 200, text: query.verbose ? `${lines}${endpoint} check passed\n` : 'ok' }
}

async function answerOfOne(check: Check | undefined): Promise<HealthAnswer> {
  if (!check) return { code: 404, text: '404 page not found\n' }
  if (await check.passes()) return { code: 200, text: 'ok' }
  return { code: 500, text: `internal server error: ${check.name} is not well\n` }
}

async function resultOf(check: Check, isExcluded: boolean): Promise<{ passed: boolean; line: string }> {
  if (isExcluded) return { passed: true, line: `[+]${check.name} excluded: ok\n` }
  const passed = await check.passes()
  return { passed, line: passed ? `[+]${check.name} ok\n` : `[-]${check.name} failed: reason withheld\n` }
}

function warningAbout(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name)).join(', ')
  return `warn: some health checks cannot be excluded: no matches for ${quoted}\n`
}
