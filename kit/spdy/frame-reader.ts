/**
 * Takes a byte stream apart into frames, however the network cut it.
 *
 * Guarantee: what is kept is never more than one control frame, and a control frame is never longer than 64 KiB. Data is handed
 * on as it comes, so a data frame of 16 MiB costs nothing. What no SPDY sender would send is a ProtocolError.
 * Source: SPDY protocol, draft 3.1, §2.2.
 */
import { FLAG_FIN, type Frame, frameTypes, HEAD_BYTES, MAX_STREAM_ID, VERSION } from './frames.ts'
import { HeaderReader } from './header-block.ts'

const MAX_CONTROL_BYTES = 64 * 1024

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

export class FrameReader {
  readonly #headerReader = new HeaderReader()
  #rest: Buffer = Buffer.alloc(0)
  /** The data frame that has not all come yet. */
  #data: { readonly id: number; left: number; readonly fin: boolean } | undefined;

  /** All frames, and pieces of data frames, that these bytes complete. */
  *read(chunk: Buffer): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      const frame = this.#data ? this.#piece(this.#data) : this.#next()
      if (frame === 'incomplete') return
      if (frame) yield frame
    }
  }

  #piece(data: { readonly id: number; left: number; readonly fin: boolean }): Frame | 'incomplete' {
    if (data.left > 0 && this.#rest.length === 0) return 'incomplete'
    const bytes = this.#take(Math.min(data.left, this.#rest.length))
    data.left -= bytes.length
    if (data.left === 0) this.#data = undefined
    return { type: 'data', id: data.id, bytes, fin: data.fin && data.left === 0 }
  }

  /** Undefined when what came has no meaning for us. */
  #next(): Frame | 'incomplete' | undefined {
    if (this.#rest.length < HEAD_BYTES) return 'incomplete'
    const flags = this.#rest[4]!
    const length = this.#rest.readUIntBE(5, 3)
    const isControl = this.#rest[0]! >= 0x80
    if (!isControl) {
      const id = this.#rest.readUInt32BE(0)
      if (id === 0) throw new ProtocolError('data for stream 0')
      this.#take(HEAD_BYTES)
      this.#data = { id, left: length, fin: (flags & FLAG_FIN) !== 0 }
      return undefined
    }
    const version = this.#rest.readUInt16BE(0) & 0x7fff
    if (version !== VERSION) throw new ProtocolError(`version ${version} of SPDY`)
    if (length > MAX_CONTROL_BYTES) throw new ProtocolError(`control frame of ${length} bytes`)
    if (this.#rest.length < HEAD_BYTES + length) return 'incomplete'
    const type = this.#take(HEAD_BYTES).readUInt16BE(2)
    return this.#control(type, flags, this.#take(length))
  }

  #control(type: number, flags: number, body: Buffer): Frame | undefined {
    const fin = (flags & FLAG_FIN) !== 0
    try {
      switch (type) {
        case frameTypes.synStream:
          return { type: 'syn-stream', id: streamId(body), headers: this.#headerReader.read(body.subarray(10)), fin }
        case frameTypes.synReply:
          return { type: 'syn-reply', id: streamId(body), headers: this.#headerReader.read(body.subarray(4)), fin }
        case frameTypes.headers:
          return { type: 'headers', id: streamId(body), headers: this.#headerReader.read(body.subarray(4)), fin }
        case frameTypes.rstStream:
          return { type: 'rst-stream', id: streamId(body), status: body.readUInt32BE(4) }
        case frameTypes.ping:
          return { type: 'ping', id: body.readUInt32BE(0) }
        case frameTypes.goAway:
          return { type: 'go-away', lastGoodId: body.readUInt32BE(0) & MAX_STREAM_ID, status: body.readUInt32BE(4) }
        default:
          // SETTINGS and WINDOW_UPDATE are hints that we do not use; types of later versions are to be skipped.
          return undefined
      }
    } catch (error) {
      throw new ProtocolError(`broken control frame of type ${type}`, { cause: error })
    }
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }
}

function streamId(body: Buffer): number {
  const id = body.readUInt32BE(0) & MAX_STREAM_ID
  if (id === 0) throw new ProtocolError('stream 0')
  return id
}
