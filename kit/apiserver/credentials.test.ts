/** What requests say of who is asking: tokens among protocols, and whom the caller wants to be. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { offeredProtocols } from '../streaming/protocols.ts'
import { credentialsOf } from './credentials.ts'

/** A request as node:http makes it of these headers. */
function requestWith(sent: Readonly<Record<string, readonly string[]>>): IncomingMessage {
  const headersDistinct = Object.fromEntries(Object.entries(sent).map(([name, values]) => [name, [...values]]))
  const headers = Object.fromEntries(Object.entries(sent).map(([name, values]) => [name, values.join(', ')]))
  return { socket: {}, headers, headersDistinct } as unknown as IncomingMessage
}

describe('a token among a WebSocket’s protocols', () => {
  const bearer = `base64url.bearer.authorization.k8s.io.${Buffer.from('secret').toString('base64url')}`
  const offering = (...protocols: string[]) => requestWith({ 'sec-websocket-protocol': [protocols.join(', ')] })

  it('is a bearer token, and is not a protocol any more', () => {
    const request = offering('v5.channel.k8s.io', bearer, 'v4.channel.k8s.io')
    expect(credentialsOf(request)).toEqual({ bearerToken: 'secret' })
    expect(offeredProtocols(request, 'sec-websocket-protocol')).toEqual(['v5.channel.k8s.io', 'v4.channel.k8s.io'])
    expect(request.headers['sec-websocket-protocol']).toBe('v5.channel.k8s.io, v4.channel.k8s.io')
  })

  it('is refused alone, twice, or empty', () => {
    const empty = 'base64url.bearer.authorization.k8s.io.'
    for (const protocols of [[bearer], [bearer, bearer, 'v5.channel.k8s.io'], [empty, 'v5.channel.k8s.io']]) {
      expect(() => credentialsOf(offering(...protocols))).toThrow('Unauthorized')
    }
    expect(credentialsOf(offering('v5.channel.k8s.io'))).toEqual({})
  })
})

describe('whom the caller wants to be', () => {
  it('is told by headers, of which some may come more than once', () => {
    const request = requestWith({
      authorization: ['Bearer secret'],
      'impersonate-user': ['ann'],
      'impersonate-uid': ['7'],
      'impersonate-group': ['developers', 'testers'],
      'impersonate-extra-example.org%2fscopes': ['read', 'write'],
    })
    expect(credentialsOf(request)).toEqual({
      bearerToken: 'secret',
      impersonate: {
        user: 'ann',
        uid: '7',
        groups: ['developers', 'testers'],
        extra: { 'example.org/scopes': ['read', 'write'] },
      },
    })
  })
})
