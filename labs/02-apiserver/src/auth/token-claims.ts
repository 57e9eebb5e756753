/**
 * What a service account token says, and when it is believed. A pod's identity is a text that anybody can read and nobody can
 * change: the claims in JSON, and a signature under them.
 *
 * A token cannot be taken back, so it is made to end by itself: it has an hour to live, it is for one audience, and it is
 * bound to objects. With the pod or the account it is gone, though its signature is as good as ever. Names are not
 * enough for that: an account that is deleted and made again is another one, with another uid.
 *
 * Source: kubernetes `pkg/serviceaccount/{claims,util}.go`; RFC 7519; KEP-1205.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { UserInfo } from '#kit/contracts/apiserver.ts'

/** A name, and which object of that name. */
export interface NamedObject {
  readonly name: string
  readonly uid: string
}

/** What a token is for: an account, and perhaps a pod (on a node), a secret, or a node that it is bound to. */
export interface TokenBinding {
  readonly namespace: string
  readonly serviceaccount: NamedObject
  readonly pod?: NamedObject
  readonly secret?: NamedObject
  readonly node?: NamedObject
  /** Of a token that lives longer than its holder was told: when it should have been replaced, in seconds since 1970. */
  readonly warnafter?: number
}

/** All times in seconds since 1970. */
export interface TokenClaims {
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly iss: string
  readonly jti: string
  readonly 'kubernetes.io': TokenBinding
  readonly nbf: number
  readonly sub: string
}

export interface TokenTerms {
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly expirationSeconds: number
  readonly nowSeconds: number
  /** Of this token, and no other. */
  readonly id: string
}

/** Clocks of different machines differ: so much is forgiven. */
export const LEEWAY_SECONDS = 60

/**
 * The claims of a new token: for the audiences (`aud`), by the issuer (`iss`), made now (`iat`), good from now (`nbf`) until
 * `expirationSeconds` later (`exp`), with its id (`jti`); its subject (`sub`) is the account's name as a user
 * (`serviceAccountUser` of `role-objects.ts`), and `kubernetes.io` is the binding.
 *
 * @lab 2.13 Say what a token is for
 */
export function claimsFor(binding: TokenBinding, terms: TokenTerms): TokenClaims {
  throw new NotImplemented('2.13', 'claimsFor', 'Say what a token is for', 'labs/02-apiserver/src/auth/token-claims.ts')
}

/**
 * Those of `audiences` (of which one is asking) that the token is for, in their order. None at all when the token is not to be
 * believed: it is by another issuer, it has expired, or it is not good yet; for both times `LEEWAY_SECONDS` are forgiven.
 *
 * @lab 2.13 Believe no old token, and none for others
 */
export function acceptedAudiences(
  claims: TokenClaims,
  expected: { readonly issuer: string; readonly audiences: readonly string[]; readonly nowSeconds: number },
): string[] {
  throw new NotImplemented(
    '2.13',
    'acceptedAudiences',
    'Believe no old token, and none for others',
    'labs/02-apiserver/src/auth/token-claims.ts',
  )
}

/** What is left of the objects that a token is bound to. */
export type FoundObjects = Readonly<
  Partial<
    Record<'serviceaccount' | 'pod' | 'secret' | 'node', { readonly uid: string; readonly deletionTimestamp?: string }>
  >
>

/**
 * Whether every object that the token is bound to is still there: under its name (what was `found` by it), with the same
 * uid, and not deleted more than `LEEWAY_SECONDS` ago (its `deletionTimestamp`, RFC 3339). The account counts always, the
 * pod, the secret and the node when the token has one; but of a token with a pod the node is only said, not asked for.
 *
 * @lab 2.13 Let a token end with what it is bound to
 */
export function bindingHolds(binding: TokenBinding, found: FoundObjects, nowSeconds: number): boolean {
  throw new NotImplemented(
    '2.13',
    'bindingHolds',
    'Let a token end with what it is bound to',
    'labs/02-apiserver/src/auth/token-claims.ts',
  )
}

const EXTRA = 'authentication.kubernetes.io/'

/**
 * The user that a token speaks for: its `sub`, with the account's uid, in the groups `system:serviceaccounts` and
 * `system:serviceaccounts:NAMESPACE`. What else it says becomes `extra`, each a list of one: `credential-id` ("JTI=" and the
 * id), and `pod-name`, `pod-uid`, `node-name`, `node-uid` if there are such; all keys behind the prefix `EXTRA`.
 *
 * @lab 2.13 Know whom a token speaks for
 */
export function userOfClaims(claims: TokenClaims): UserInfo {
  throw new NotImplemented(
    '2.13',
    'userOfClaims',
    'Know whom a token speaks for',
    'labs/02-apiserver/src/auth/token-claims.ts',
  )
}
