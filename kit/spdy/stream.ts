/**
 * One stream of a SPDY session, as an ordinary Duplex. `end()` ends our direction only; `destroy()` before both directions have
 * ended tells the peer, who then sends no more.
 */
import { Duplex } from 'node:stream'
import type { SpdyHeaders } from './header-block.ts'

const BUFFER_BYTES = 256 * 1024
/** So that streams take turns on the connection. */
const MAX_FRAME_BYTES = 64 * 1024

/** What a stream asks of its session. */
export interface StreamLink {
  /** Calls `done` when there may be more. */
  send(bytes: Buffer, fin: boolean, done: () => void): void
  /** The reader has caught up. */
  wants(): void
  closed(isDone: boolean): void
}

export class SpdyStream extends Duplex {
  readonly id: number
  /** Those with which it was opened. */
  readonly headers: SpdyHeaders
  readonly #link: StreamLink
  #sentEnd = false
  #receivedEnd = false

  constructor(id: number, headers: SpdyHeaders, link: StreamLink) {
    super({ readableHighWaterMark: BUFFER_BYTES, allowHalfOpen: true })
    this.id = id
    this.headers = headers
    this.#link = link
    // Who wants to know listens, too. A stream that breaks must not break the process.
    this.on('error', () => {})
  }

  /** Undefined ends the peer's direction. False: that is enough for now. */
  receive(bytes: Buffer | undefined): boolean {
    if (this.destroyed || this.#receivedEnd) return true
    if (bytes) return this.push(bytes)
    this.#receivedEnd = true
    this.push(null)
    return true
  }

  /**
   * The peer has reset it, or is gone: nothing more will come or go, and what is written is dropped. What came may still be read:
   * Go resets all streams after the last word. Whether that was all, only the protocol above can tell.
   */
  peerGone(): void {
    this.#sentEnd = true
    this.receive(undefined)
    this.end()
  }

  override _read(): void {
    this.#link.wants()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const rest = chunk.subarray(MAX_FRAME_BYTES)
    this.#link.send(chunk.subarray(0, MAX_FRAME_BYTES), false, () => {
      if (rest.length === 0 || this.destroyed) done()
      else this._write(rest, _encoding, done)
    })
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sentEnd = true
    this.#link.send(Buffer.alloc(0), true, done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#link.closed(this.#sentEnd && this.#receivedEnd)
    done(error)
  }
}
