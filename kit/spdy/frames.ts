/**
 * The frames of SPDY/3.1 and how they are written. A control frame begins with a bit of 1, a version and a type; a data frame
 * with a bit of 0 and its stream's number. Both go on with eight bits of flags and a length of 24 bits.
 *
 * Source: SPDY protocol, draft 3.1, §2.2 and §2.6.
 */
import type { HeaderWriter, SpdyHeaders } from './header-block.ts'

export const VERSION = 3
export const HEAD_BYTES = 8
export const MAX_STREAM_ID = 0x7fff_ffff

export const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const

/** The sender has no more for this stream. */
export const FLAG_FIN = 1

export const resetStatus = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5 } as const
export const goAwayStatus = { ok: 0, protocolError: 1 } as const

/** `fin`: the last on its stream from that side. */
export type Frame =
  | { readonly type: 'syn-stream'; readonly id: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: 'syn-reply'; readonly id: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: 'headers'; readonly id: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  /** A piece of a data frame, however the network cut it; `fin` only with its last piece. */
  | { readonly type: 'data'; readonly id: number; readonly bytes: Buffer; readonly fin: boolean }
  | { readonly type: 'rst-stream'; readonly id: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'go-away'; readonly lastGoodId: number; readonly status: number }

/** The bytes of a frame. Frames must be written in the order in which they are sent: header blocks build on each other. */
export function encodeFrame(frame: Frame, headerWriter: HeaderWriter): Buffer {
  switch (frame.type) {
    case 'data':
      return Buffer.concat([dataHead(frame.id, frame.bytes.length, frame.fin), frame.bytes])
    case 'syn-stream':
      // No associated stream, highest priority, no credential slot.
      return control(frameTypes.synStream, frame.fin, uint32s(frame.id, 0), Buffer.alloc(2), block(frame.headers))
    case 'syn-reply':
      return control(frameTypes.synReply, frame.fin, uint32s(frame.id), block(frame.headers))
    case 'headers':
      return control(frameTypes.headers, frame.fin, uint32s(frame.id), block(frame.headers))
    case 'rst-stream':
      return control(frameTypes.rstStream, false, uint32s(frame.id, frame.status))
    case 'ping':
      return control(frameTypes.ping, false, uint32s(frame.id))
    case 'go-away':
      return control(frameTypes.goAway, false, uint32s(frame.lastGoodId, frame.status))
  }

  function block(headers: SpdyHeaders): Buffer {
    return headerWriter.write(headers)
  }
}

export function dataHead(id: number, length: number, fin: boolean): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(id, 0)
  head.writeUInt32BE(length, 4)
  head[4] = fin ? FLAG_FIN : 0
  return head
}

function control(type: number, fin: boolean, ...body: Buffer[]): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(HEAD_BYTES), ...body])
  bytes.writeUInt16BE(0x8000 | VERSION, 0)
  bytes.writeUInt16BE(type, 2)
  bytes.writeUInt32BE(bytes.length - HEAD_BYTES, 4)
  bytes[4] = fin ? FLAG_FIN : 0
  return bytes
}

function uint32s(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
  return bytes
}
