/**
 * A bearer token among the protocols that a WebSocket client offers. Browsers let a page choose no other header.
 *
 * Source: apiserver `pkg/authentication/request/websocket/protocol.go`.
 */
import type { IncomingMessage } from 'node:http'
import { StatusError } from '../api/status-error.ts'

const HEADER = 'sec-websocket-protocol'
const PREFIX = 'base64url.bearer.authorization.k8s.io.'

/**
 * The token, which is taken away from the request's protocols: nobody behind us is to see it, or to choose it. There must be
 * another protocol besides, for the server has to answer with one.
 */
export function takeBearerProtocol({ headers, headersDistinct }: IncomingMessage): string | undefined {
  const offered = headers[HEADER]?.split(',').map((protocol) => protocol.trim()) ?? []
  const [bearer, ...more] = offered.filter((protocol) => protocol.startsWith(PREFIX))
  if (bearer === undefined) return undefined
  const others = offered.filter((protocol) => !protocol.startsWith(PREFIX))
  const token = Buffer.from(bearer.slice(PREFIX.length), 'base64url').toString('utf8')
  if (more.length > 0 || others.length === 0 || !token) throw new StatusError(401, 'Unauthorized', 'Unauthorized')
  headers[HEADER] = others.join(', ')
  headersDistinct[HEADER] = [others.join(', ')]
  return token
}
