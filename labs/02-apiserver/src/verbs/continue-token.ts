/**
 * A long list comes in pages, all of one revision. The token says which revision, and after which key to go on.
 *
 * Source: apiserver `pkg/storage/continue.go`.
 */
import { badRequest } from '../errors.ts'

export interface ContinueToken {
  /** LATEST: the list was forgotten, and goes on with what is there now. */
  readonly revision: number
  /** The first key to look at, below the list's prefix: "default/web\0", the smallest key behind "default/web". */
  readonly startKey: string
}

/** Not 0, which a broken token could have. */
export const LATEST = -1

const VERSION = 'meta.k8s.io/v1'

export function encodeContinueToken({ revision, startKey }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision, start: startKey })).toString('base64url')
}

export function decodeContinueToken(text: string): ContinueToken {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Record<string, unknown>
    if (v !== VERSION) throw new Error(`server does not recognize this encoded version ${v}`)
    if (!Number.isSafeInteger(rv) || rv === 0)
      throw new Error(`incorrect encoded start resourceVersion (version ${VERSION})`)
    if (typeof start !== 'string' || start === '') throw new Error(`encoded start key empty (version ${VERSION})`)
    // A key must not lead out of what the request may see.
    if (/(^|\/)(\.{0,2})(\/|$)/.test(start.replace(/^\//, ''))) throw new Error(start)
    return { revision: rv as number, startKey: start }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw badRequest(`invalid continue token: continue key is not valid: ${why}`)
  }
}
