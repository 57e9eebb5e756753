/**
 * Makes service account tokens and says who holds one: the rules of token-claims.ts, with keys, a clock, and the store.
 *
 * Source: kubernetes `pkg/serviceaccount/jwt.go` (JWTTokenAuthenticator), `pkg/controller/serviceaccount/tokengetter.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { createTokenKeys } from '#kit/apiserver/json-web-token.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import { TOKEN_SECONDS } from '../admission/service-account.ts'
import { storageKey } from '../storage/keys.ts'
import type { KindCaches } from '../storage/kind-caches.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import {
  acceptedAudiences,
  bindingHolds,
  claimsFor,
  type FoundObjects,
  type TokenBinding,
  type TokenClaims,
  userOfClaims,
} from './token-claims.ts'
import type { TokenHolder } from './token-holders.ts'

export interface AccountTokenOptions {
  /** `--service-account-issuer`; also the audience that the server takes itself for. */
  readonly issuer: string
  /** PEM of the private key that signs. */
  readonly signingKey: string
  /** PEM of further keys whose tokens are believed. */
  readonly verificationKeys?: readonly string[]
  /** Whether tokens of pods live longer than they say; true when not given. */
  readonly extendExpiration?: boolean
}

const YEAR_SECONDS = 365 * 24 * 3600

export interface AccountTokens {
  readonly audiences: readonly string[]
  issue(binding: TokenBinding, terms: { audiences: readonly string[]; expirationSeconds: number }): string
  /** Who holds it and for which of the audiences (none: the server's own) it is; undefined when it is not to be believed. */
  holderOf(token: string, audiences?: readonly string[]): Promise<TokenHolder | undefined>
  /** What OpenID clients read: whose tokens these are, and the keys to verify them. */
  document(path: string, serverAddress: string): { readonly contentType: string; readonly body: string } | undefined
}

interface Sources {
  readonly objects: ObjectStore
  readonly caches: KindCaches
  readonly clock: Clock
  newUid(): string
}

const PREFIXES = { serviceaccount: 'serviceaccounts', pod: 'pods', secret: 'secrets', node: 'minions' } as const
type BoundKind = keyof typeof PREFIXES

/** An object that tokens may be bound to: as the cache has it, or (it may be new) as the store has it. */
export async function findBound(
  { objects, caches }: Pick<Sources, 'objects' | 'caches'>,
  kind: BoundKind,
  namespace: string,
  name: string,
): Promise<Stored<ApiObject> | undefined> {
  const row = { storagePrefix: PREFIXES[kind] }
  const key = storageKey(row, kind === 'node' ? undefined : namespace, name)
  return caches.of(row).cache.get(key) ?? objects.get(key)
}

export function createAccountTokens(options: AccountTokenOptions, sources: Sources): AccountTokens {
  const { issuer, signingKey, verificationKeys, extendExpiration = true } = options
  const keys = createTokenKeys(signingKey, verificationKeys)
  const nowSeconds = () => Math.floor(sources.clock.now() / 1000)
  const ownAudiences = [issuer]
  return {
    audiences: ownAudiences,
    issue(binding, { audiences, expirationSeconds }) {
      const now = nowSeconds()
      const terms = { issuer, audiences, expirationSeconds, nowSeconds: now, id: sources.newUid() }
      // Old clients read their token once. For them it lives on, and says from when on somebody should be warned.
      const isOfPod = expirationSeconds === TOKEN_SECONDS && audiences.every((one) => ownAudiences.includes(one))
      if (!extendExpiration || !isOfPod) return keys.sign(claimsFor(binding, terms))
      const extended = { ...binding, warnafter: now + expirationSeconds }
      return keys.sign(claimsFor(extended, { ...terms, expirationSeconds: YEAR_SECONDS }))
    },
    async holderOf(token, audiences = []) {
      const claims = keys.verify(token)
      if (!isClaims(claims)) return undefined
      const wanted = audiences.length > 0 ? audiences : ownAudiences
      const accepted = acceptedAudiences(claims, { issuer, audiences: wanted, nowSeconds: nowSeconds() })
      if (accepted.length === 0) return undefined
      const found = await foundObjects(sources, claims['kubernetes.io'])
      if (!bindingHolds(claims['kubernetes.io'], found, nowSeconds())) return undefined
      return { user: userOfClaims(claims), audiences: accepted }
    },
    document(path, serverAddress) {
      if (path === '/openid/v1/jwks') {
        return { contentType: 'application/jwk-set+json', body: JSON.stringify(keys.keySet) }
      }
      if (path !== '/.well-known/openid-configuration') return undefined
      const configuration = {
        issuer,
        jwks_uri: `https://${serverAddress}/openid/v1/jwks`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: keys.algorithms,
      }
      return { contentType: 'application/json', body: JSON.stringify(configuration) }
    },
  }
}

/** Signed by us, so it has our shape; but the same key may have signed other things. */
function isClaims(claims: unknown): claims is TokenClaims {
  const { aud, 'kubernetes.io': binding } = (claims ?? {}) as Partial<TokenClaims>
  return Array.isArray(aud) && typeof binding?.namespace === 'string' && typeof binding.serviceaccount === 'object'
}

async function foundObjects(sources: Sources, binding: TokenBinding): Promise<FoundObjects> {
  const entries = (Object.keys(PREFIXES) as BoundKind[]).map(async (kind) => {
    const object = binding[kind] && (await findBound(sources, kind, binding.namespace, binding[kind].name))
    return [kind, object?.metadata] as const
  })
  return Object.fromEntries((await Promise.all(entries)).filter(([, metadata]) => metadata)) as FoundObjects
}
