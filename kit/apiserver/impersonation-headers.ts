/**
 * Whom the caller wants to be, as headers say it: `kubectl --as=ann --as-group=developers`.
 *
 * Source: apiserver `pkg/endpoints/filters/impersonation.go` (buildImpersonationRequests).
 */
import type { IncomingMessage } from 'node:http'
import type { Impersonation } from '../contracts/apiserver.ts'

const EXTRA = 'impersonate-extra-'

/** Undefined when no such header is there. Whether the caller may is for others to say. */
export function impersonationOf({ headers, headersDistinct }: IncomingMessage): Impersonation | undefined {
  if (!Object.keys(headers).some((name) => name.startsWith('impersonate-'))) return undefined
  const extra = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    name.startsWith(EXTRA) ? [[keyOf(name.slice(EXTRA.length)), values] as const] : [],
  )
  const uid = headersDistinct['impersonate-uid']?.[0]
  return {
    user: headersDistinct['impersonate-user']?.[0] ?? '',
    ...(uid && { uid }),
    groups: headersDistinct['impersonate-group'] ?? [],
    extra: Object.fromEntries(extra),
  }
}

/** Keys hold characters that header names may not: those come percent-encoded. */
function keyOf(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
