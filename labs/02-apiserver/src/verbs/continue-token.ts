/**
 * A long list comes in pages, all of one revision. The token says which revision, and after which key to go on.
 *
 * Source: apiserver `pkg/storage/continue.go`.
 */
import { badRequest } from '../errors.ts'

export interface ContinueToken {
  readonly revision: number
  /** The last key already sent, below the list's prefix: "default/web". */
  readonly afterKey: string
}

export function encodeContinueToken({ revision, afterKey }: ContinueToken): string {
  // Upstream's form: the key to start from is the last key and a zero byte, the smallest key behind it.
  const json = JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: `${afterKey}\0` })
  return Buffer.from(json).toString('base64url')
}

export function decodeContinueToken(text: string): ContinueToken {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Record<string, unknown>
    if (v !== 'meta.k8s.io/v1') throw new Error(`server does not recognize this encoded version "${v}"`)
    if (typeof start !== 'string' || !start.endsWith('\0')) throw new Error('it names no key to start from')
    if (!Number.isSafeInteger(rv)) throw new Error('it names no revision')
    return { revision: rv as number, afterKey: start.slice(0, -1) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw badRequest(`invalid continue token: continue key is not valid: ${why}`)
  }
}
