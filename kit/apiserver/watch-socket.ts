/**
 * A watch over a WebSocket: one event, one message of text. For browsers, which cannot read a chunked answer piece by piece
 * everywhere.
 *
 * Guarantee: as for chunked watches, the next event is asked for only when the last one has been taken.
 * Source: apiserver `pkg/endpoints/handlers/watch.go` (HandleWS).
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ApiResponse } from '../contracts/apiserver.ts'
import { negotiate } from './negotiation.ts'
import type { RequestTarget } from './request-query.ts'
import { lineWriter } from './watch-answer.ts'

/** Of what a client says, only that it goes away is of interest. */
const MOST_FROM_CLIENT_BYTES = 1024

const upgrades = new WebSocketServer({ noServer: true, maxPayload: MOST_FROM_CLIENT_BYTES })

/** Resolves when the watch is over, whoever ended it. */
export async function sendWatchOverSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { query }: RequestTarget,
  watch: Extract<ApiResponse, { kind: 'watch' }>,
): Promise<void> {
  const representation = negotiate(request.headers.accept)
  const client = await acceptSocket(request, socket, head)
  if (!client) return
  client.on('error', () => client.terminate())
  client.once('close', () => watch.stop())
  const lineOf = lineWriter(watch, { representation, includeObject: query.includeObject?.[0] })
  for await (const event of watch.events) {
    if (client.readyState !== client.OPEN) return
    await new Promise<void>((resolve) => client.send(lineOf(event).trimEnd(), () => resolve()))
  }
  client.close()
}

/** Undefined when it is no proper handshake; the client has been told so by then. */
function acceptSocket(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket | undefined> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined))
    upgrades.handleUpgrade(request, socket, head, resolve)
  })
}
