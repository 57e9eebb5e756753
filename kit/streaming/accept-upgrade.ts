/**
 * The server's side of a handshake: from here on the connection speaks SPDY, or WebSocket.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { SpdySession, type SpdySessionOptions } from '../spdy/session.ts'
import { SPDY } from './protocols.ts'

/** Upstream's limit for one message. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024

/** @param protocol what both agreed on; empty when the client offered none */
export function acceptSpdy(
  socket: Duplex,
  head: Buffer,
  protocol: string,
  onStream: NonNullable<SpdySessionOptions['onStream']>,
): SpdySession {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `Upgrade: ${SPDY}`]
  socket.write(`${[...lines, `X-Stream-Protocol-Version: ${protocol}`].join('\r\n')}\r\n\r\n`)
  if (head.length > 0) socket.unshift(head)
  return new SpdySession(socket, { isServer: true, onStream })
}

/**
 * Rejects when the request is not a WebSocket handshake after all.
 *
 * The library refuses protocols with "/" in their names, and Kubernetes has one. So it is told of none, and the header of the
 * answer is written here.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket> {
  delete request.headers['sec-websocket-protocol']
  const server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MAX_MESSAGE_BYTES })
  return new Promise((resolve, reject) => {
    server.once('wsClientError', reject)
    server.once('headers', (lines) => {
      if (protocol) lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
    })
    server.handleUpgrade(request, socket, head, resolve)
  })
}
