/**
 * Who is asking? Answered from what the transport saw, before anybody looks at what is asked.
 *
 * Source: apiserver `pkg/authentication/request/{x509,bearertoken,union,anonymous}`, `token/tokenfile`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Credentials, UserInfo } from '#kit/contracts/apiserver.ts'

export const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

/** Every user who has shown who they are is in this group. */
export const AUTHENTICATED_GROUP = 'system:authenticated'

/** Tokens that the server knows by heart (`--token-auth-file`). */
export type TokenTable = ReadonlyMap<string, UserInfo>

/**
 * The user behind the credentials:
 * - a client certificate (which the transport has verified) names the user by its common name, and the groups by its
 *   organizations; one with an empty common name is no credential;
 * - otherwise a bearer token is looked up in the table. One that is not there is a 401 (reason and message "Unauthorized"),
 *   not an anonymous request: who shows a wrong key must not get in by the open door;
 * - with no credentials at all it is `ANONYMOUS`.
 *
 * Whoever is known is also in the group `system:authenticated`, once.
 *
 * @lab 2.11 Find out who is asking
 */
export function authenticate({ certificate, bearerToken }: Credentials, tokens: TokenTable): UserInfo {
  throw new NotImplemented(
    '2.11',
    'authenticate',
    'Find out who is asking',
    'labs/02-apiserver/src/auth/authenticate.ts',
  )
}

/** `token,user,uid,"group1,group2"` per line; empty lines and lines that begin with # are skipped. */
export function parseTokenFile(text: string): TokenTable {
  const tokens = new Map<string, UserInfo>()
  for (const line of text.split('\n')) {
    const [, token, name, uid, quoted, plain] =
      /^([^,#]+),([^,]+),([^,]*)(?:,(?:"([^"]*)"|([^,]*)))?\s*$/.exec(line.trim()) ?? []
    if (!token || !name) continue
    const groups = (quoted ?? plain ?? '').split(',').filter((group) => group !== '')
    tokens.set(token, { name, ...(uid && { uid }), groups })
  }
  return tokens
}
