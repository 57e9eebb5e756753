/**
 * A WebSocket as numbered channels. A reader that stops stops the sender; a sender that waits for `send` never fills our memory.
 *
 * Source: apimachinery `pkg/util/httpstream/wsstream/conn.go`; KEP-4006 for the end of a channel.
 */
import type { Duplex } from 'node:stream'
import { createWebSocketStream, type WebSocket } from 'ws'

/** A message with this number ends the channel whose number follows. */
const CLOSE_CHANNEL = 255

export type ChannelMessage =
  | { readonly type: 'bytes'; readonly channel: number; readonly bytes: Buffer }
  | { readonly type: 'end'; readonly channel: number }

export class WebSocketChannels {
  readonly #webSocket: WebSocket
  readonly #messages: Duplex
  readonly #isBase64: boolean

  constructor(webSocket: WebSocket, isBase64 = false) {
    this.#webSocket = webSocket
    this.#isBase64 = isBase64
    this.#messages = createWebSocketStream(webSocket, { readableObjectMode: true })
    // What is broken ends; there is nobody to tell.
    this.#messages.on('error', () => webSocket.terminate())
  }

  /** Until the client closes, or is gone. Empty messages, with which some say that they are still there, are left out. */
  async *messages(): AsyncGenerator<ChannelMessage> {
    try {
      for await (const message of this.#messages.iterator({ destroyOnReturn: false })) {
        const bytes = this.#isBase64 ? fromBase64(String(message)) : Buffer.from(message)
        const [channel, closed] = bytes
        if (channel === CLOSE_CHANNEL && closed !== undefined) yield { type: 'end', channel: closed }
        else if (channel !== undefined) yield { type: 'bytes', channel, bytes: bytes.subarray(1) }
      }
    } catch {
      // A connection that breaks has no more messages.
    }
  }

  /** Resolves when there may be more, or when there is nobody left to hear it. */
  send(channel: number, bytes: Uint8Array): Promise<void> {
    const message = this.#isBase64
      ? `${channel}${Buffer.from(bytes).toString('base64')}`
      : Buffer.concat([Buffer.of(channel), bytes])
    return new Promise((resolve) => this.#webSocket.send(message, () => resolve()))
  }

  /** 1000: all went as it should. */
  close(code = 1000): void {
    this.#webSocket.close(code)
    // Whatever the client still says must be read, or its own good-bye is never seen.
    this.#messages.resume()
  }
}

function fromBase64(message: string): Buffer {
  if (message === '') return Buffer.alloc(0)
  return Buffer.concat([Buffer.of(message.charCodeAt(0) - 48), Buffer.from(message.slice(1), 'base64')])
}
