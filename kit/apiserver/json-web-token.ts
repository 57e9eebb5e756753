/**
 * JSON Web Tokens: claims with a signature, as three texts with dots between them.
 *
 * Guarantee: what `verify` returns was signed with one of the keys, in the way that this key is for. What a token says of its
 * own algorithm is compared, never followed.
 * Source: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518; kubernetes `pkg/serviceaccount/{jwt,keyid}.go`.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

export interface TokenKeys {
  /** Signs with the first key. */
  sign(claims: object): string
  /** The claims, or undefined when no key has signed them. */
  verify(token: string): unknown
  /** The public keys, for whoever wants to verify tokens on their own. */
  readonly keySet: { readonly keys: readonly object[] }
  readonly algorithms: readonly string[]
}

interface VerificationKey {
  readonly id: string
  readonly algorithm: 'ES256' | 'RS256'
  readonly key: KeyObject
}

/** @param signingKey PEM of a private key, P-256 or RSA; @param others PEM of public (or private) keys that are believed, too. */
export function createTokenKeys(signingKey: string, others: readonly string[] = []): TokenKeys {
  const privateKey = createPrivateKey(signingKey)
  const own = verificationKey(createPublicKey(privateKey))
  const keys = new Map([own, ...others.map((pem) => verificationKey(createPublicKey(pem)))].map((key) => [key.id, key]))
  return {
    sign(claims) {
      const content = `${encode({ alg: own.algorithm, kid: own.id })}.${encode(claims)}`
      const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${content}.${signature.toString('base64url')}`
    },
    verify(token) {
      const [header = '', claims = '', signature = '', ...more] = token.split('.')
      if (more.length > 0 || !signature) return undefined
      const { alg, kid } = (decode(header) ?? {}) as { alg?: unknown; kid?: unknown }
      const key = typeof kid === 'string' ? keys.get(kid) : undefined
      if (!key || key.algorithm !== alg) return undefined
      const how = { key: key.key, dsaEncoding: 'ieee-p1363' } as const
      const isGenuine = verify('sha256', Buffer.from(`${header}.${claims}`), how, Buffer.from(signature, 'base64url'))
      return isGenuine ? decode(claims) : undefined
    },
    keySet: {
      keys: [...keys.values()].map(({ id, algorithm, key }) => ({
        use: 'sig',
        kid: id,
        alg: algorithm,
        ...key.export({ format: 'jwk' }),
      })),
    },
    algorithms: [...new Set([...keys.values()].map(({ algorithm }) => algorithm))],
  }
}

/** A key is known by the hash of its public half. */
function verificationKey(key: KeyObject): VerificationKey {
  const id = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
  if (key.asymmetricKeyType === 'rsa') return { id, algorithm: 'RS256', key }
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return { id, algorithm: 'ES256', key }
  throw new Error(`tokens are signed with RSA or P-256 keys, not ${key.asymmetricKeyType}`)
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
