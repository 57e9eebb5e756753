/**
 * Many streams over one connection. Whoever opened the connection has odd stream numbers, the other end even ones; both may
 * open streams, and each stream ends in its two directions separately.
 *
 * Flow control: none by window, as none of the Go programs that we talk to has any: WINDOW_UPDATE is neither sent nor heeded.
 * Instead, when one stream's reader falls behind by its buffer (256 KiB), nothing more is read from the connection until it
 * has caught up, and TCP holds the sender back. So memory stays bounded, and a reader that stops for good stops its neighbours
 * too. That is how it is upstream.
 * Guarantees: bytes of one stream come in order; a broken or hostile peer ends this session and nothing else; when the
 * connection goes, every stream closes.
 * Source: SPDY protocol, draft 3.1, §2; github.com/moby/spdystream.
 */
import type { Duplex } from 'node:stream'
import { FrameReader, ProtocolError } from './frame-reader.ts'
import { encodeFrame, type Frame, goAwayStatus, MAX_STREAM_ID, resetStatus } from './frames.ts'
import { HeaderWriter, type SpdyHeaders } from './header-block.ts'
import { SpdyStream } from './stream.ts'

const MAX_STREAMS = 1_000
/** More than all streams' frames that wait for the connection to drain. */
const MAX_UNREAD_BYTES = 128 * 1024 * 1024
/** After GOAWAY the peer should close. */
const CLOSE_PATIENCE_MS = 5_000

export interface SpdySessionOptions {
  /** The end that accepted the connection. */
  readonly isServer: boolean
  /** The peer opened a stream. Without it, streams are refused. */
  onStream?(stream: SpdyStream): void
}

export class SpdySession {
  readonly #connection: Duplex
  readonly #options: SpdySessionOptions
  readonly #reader = new FrameReader()
  readonly #headerWriter = new HeaderWriter()
  readonly #streams = new Map<number, SpdyStream>()
  readonly #full = new Set<SpdyStream>()
  readonly #waitingForDrain: (() => void)[] = []
  #nextId: number
  #lastPeerId = 0
  #saidGoAway = false
  #isBroken = false
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>

  /** @param connection what was read from it too early must have been put back (`unshift`) */
  constructor(connection: Duplex, options: SpdySessionOptions) {
    this.#connection = connection
    this.#options = options
    this.#nextId = options.isServer ? 2 : 1
    connection.on('data', (chunk: Buffer) => this.#receive(chunk))
    connection.on('drain', () => {
      for (const resume of this.#waitingForDrain.splice(0)) resume()
    })
    connection.on('end', () => connection.end())
    connection.on('error', () => connection.destroy())
    this.closed = new Promise<void>((resolve) => {
      if (connection.destroyed) resolve()
      else connection.once('close', () => resolve())
    }).then(() => {
      for (const stream of [...this.#streams.values()]) stream.peerGone()
      for (const resume of this.#waitingForDrain.splice(0)) resume()
    })
  }

  get streamCount(): number {
    return this.#streams.size
  }

  openStream(headers: SpdyHeaders): SpdyStream {
    const id = this.#nextId
    this.#nextId += 2
    const stream = this.#addStream(id, headers)
    if (id > MAX_STREAM_ID || this.#connection.destroyed) stream.destroy()
    else this.#send({ type: 'syn-stream', id, headers, fin: false })
    return stream
  }

  /** No more streams. What was sent before still arrives; then the peer should close, too, and is given a while for that. */
  close(): void {
    if (this.#saidGoAway) return
    this.#goAway(goAwayStatus.ok)
    this.#connection.end(() => {
      const timer = setTimeout(() => this.#connection.destroy(), CLOSE_PATIENCE_MS)
      void this.closed.then(() => clearTimeout(timer))
    })
  }

  destroy(): void {
    this.#connection.destroy()
  }

  #goAway(status: number): void {
    this.#saidGoAway = true
    this.#send({ type: 'go-away', lastGoodId: this.#lastPeerId, status })
  }

  #receive(chunk: Buffer): void {
    if (this.#isBroken) return
    try {
      for (const frame of this.#reader.read(chunk)) this.#handle(frame)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#isBroken = true
      this.#goAway(goAwayStatus.protocolError)
      this.#connection.end(() => this.#connection.destroy())
    }
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case 'syn-stream':
        this.#accept(frame.id, frame.headers, frame.fin)
        break
      case 'syn-reply':
      case 'headers':
        if (frame.fin) this.#streams.get(frame.id)?.receive(undefined)
        break
      case 'data':
        this.#deliver(frame.id, frame.bytes, frame.fin)
        break
      case 'rst-stream':
        this.#streams.get(frame.id)?.peerGone()
        break
      case 'ping':
        // Of the peer's numbers: a question. Of ours: an answer, and we ask nothing.
        if (this.#isPeers(frame.id)) this.#answer(frame)
        break
      case 'go-away':
        this.close()
        break
    }
  }

  #accept(id: number, headers: SpdyHeaders, fin: boolean): void {
    if (!this.#isPeers(id) || id <= this.#lastPeerId) {
      this.#reset(id, resetStatus.protocolError)
      return
    }
    this.#lastPeerId = id
    const { onStream } = this.#options
    if (!onStream || this.#saidGoAway || this.#streams.size >= MAX_STREAMS) {
      this.#reset(id, resetStatus.refusedStream)
      return
    }
    const stream = this.#addStream(id, headers)
    // Go drops what comes on a stream before its reply.
    this.#send({ type: 'syn-reply', id, headers: {}, fin: false })
    onStream(stream)
    if (fin) stream.receive(undefined)
  }

  #deliver(id: number, bytes: Buffer, fin: boolean): void {
    const stream = this.#streams.get(id)
    if (!stream) {
      const wasOpened = this.#isPeers(id) ? id <= this.#lastPeerId : id < this.#nextId
      // Data that crossed our reset on its way is no mistake.
      if (!wasOpened) this.#reset(id, resetStatus.invalidStream)
      return
    }
    if (bytes.length > 0 && !stream.receive(bytes)) {
      this.#full.add(stream)
      this.#connection.pause()
    }
    if (fin) stream.receive(undefined)
  }

  #isPeers(id: number): boolean {
    return (id % 2 === 1) === this.#options.isServer
  }

  #addStream(id: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(id, headers, {
      send: (bytes, fin, done) => this.#sendThen({ type: 'data', id, bytes, fin }, done),
      wants: () => this.#readOn(stream),
      closed: (isDone) => {
        this.#streams.delete(id)
        this.#readOn(stream)
        if (!isDone) this.#reset(id, resetStatus.cancel)
      },
    })
    this.#streams.set(id, stream)
    return stream
  }

  #readOn(stream: SpdyStream): void {
    if (this.#full.delete(stream) && this.#full.size === 0) this.#connection.resume()
  }

  #reset(id: number, status: number): void {
    this.#answer({ type: 'rst-stream', id, status })
  }

  /** Answers cost the peer little to ask for: one that asks and asks, and reads none of them, has to go. */
  #answer(frame: Frame): void {
    this.#send(frame)
    if (this.#connection.writableLength > MAX_UNREAD_BYTES) this.#connection.destroy()
  }

  #send(frame: Frame): boolean {
    if (!this.#connection.writable) return true
    return this.#connection.write(encodeFrame(frame, this.#headerWriter))
  }

  /** `done` when the connection can take more. */
  #sendThen(frame: Frame, done: () => void): void {
    if (this.#send(frame)) done()
    else this.#waitingForDrain.push(done)
  }
}
