/**
 * Whose a bearer token is: somebody's of the table that the server knows by heart, or a service account's. And, of whoever
 * comes with a certificate, which one it was.
 *
 * Source: apiserver `pkg/authentication/token/union`, `request/x509` (credential ID).
 */
import type { Credentials, UserInfo } from '#kit/contracts/apiserver.ts'
import type { AccountTokens } from './account-tokens.ts'
import { authenticate, type TokenTable } from './authenticate.ts'

const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id'

export interface TokenHolder {
  readonly user: UserInfo
  readonly audiences: readonly string[]
}

export class TokenHolders {
  readonly #table: TokenTable
  readonly #accounts: AccountTokens | undefined

  constructor(table: TokenTable, accounts: AccountTokens | undefined) {
    this.#table = table
    this.#accounts = accounts
  }

  async userOf(credentials: Credentials): Promise<UserInfo> {
    const user = authenticate(credentials, await this.#tableFor(credentials))
    const { commonName, fingerprint } = credentials.certificate ?? {}
    if (!commonName || !fingerprint) return user
    // Which of a user's certificates it was: of two with the same name, one may be stolen.
    return { ...user, extra: { ...user.extra, [CREDENTIAL_ID]: [`X509SHA256=${fingerprint}`] } }
  }

  /**
   * Undefined when it is nobody's. A token of the table is good for whatever audience is asked for.
   *
   * @param audiences none: the server's own
   */
  async holderOf(token: string, audiences: readonly string[]): Promise<TokenHolder | undefined> {
    if (this.#table.has(token)) return { user: authenticate({ bearerToken: token }, this.#table), audiences }
    const holder = await this.#accounts?.holderOf(token, audiences)
    return holder && { ...holder, user: authenticate({ bearerToken: token }, new Map([[token, holder.user]])) }
  }

  /** The table; or, for a token that is not in it but is a service account's, one with just that. */
  async #tableFor({ certificate, bearerToken }: Credentials): Promise<TokenTable> {
    if (certificate?.commonName || bearerToken === undefined || this.#table.has(bearerToken)) return this.#table
    const holder = await this.#accounts?.holderOf(bearerToken)
    return holder ? new Map([[bearerToken, holder.user]]) : this.#table
  }
}
