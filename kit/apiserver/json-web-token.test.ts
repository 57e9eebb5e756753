import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createTokenKeys } from './json-web-token.ts'

const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const ecKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('tokens', () => {
  it.each([
    { algorithm: 'ES256', key: ecKey() },
    { algorithm: 'RS256', key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey },
  ])('are signed and believed with $algorithm', ({ algorithm, key }) => {
    const keys = createTokenKeys(pem(key))
    const token = keys.sign({ sub: 'somebody' })
    expect(keys.verify(token)).toEqual({ sub: 'somebody' })
    expect(keys.algorithms).toEqual([algorithm])
    expect(JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())).toMatchObject({ alg: algorithm })
  })

  it('of an older key are believed for as long as its public half is known', () => {
    const old = ecKey()
    const token = createTokenKeys(pem(old)).sign({ sub: 'somebody' })
    const publicHalf = createPublicKey(old).export({ type: 'spki', format: 'pem' }).toString()
    expect(createTokenKeys(pem(ecKey()), [publicHalf]).verify(token)).toEqual({ sub: 'somebody' })
    expect(createTokenKeys(pem(ecKey())).verify(token)).toBeUndefined()
  })

  it('do not choose how they are verified', () => {
    const key = ecKey()
    const keys = createTokenKeys(pem(key))
    const [header = '', claims = ''] = keys.sign({ sub: 'somebody' }).split('.')
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
    const unsigned = `${part({ alg: 'none', kid })}.${claims}.`
    // Signed with what everybody knows: the public key, taken for a shared secret.
    const content = `${part({ alg: 'HS256', kid })}.${claims}`
    const publicHalf = createPublicKey(key).export({ type: 'spki', format: 'pem' })
    const withPublicKey = `${content}.${createHmac('sha256', publicHalf).update(content).digest('base64url')}`
    expect([unsigned, withPublicKey].map((token) => keys.verify(token))).toEqual([undefined, undefined])
  })

  it('that are no tokens are nobody’s', () => {
    const keys = createTokenKeys(pem(ecKey()))
    for (const text of ['', 'secret', 'a.b', 'a.b.c', 'a.b.c.d', '....', `${part({})}.${part({})}.x`]) {
      expect(keys.verify(text), text).toBeUndefined()
    }
  })
})
