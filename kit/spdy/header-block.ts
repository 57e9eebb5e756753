/**
 * Header blocks: names and values in the SYN_STREAM, SYN_REPLY and HEADERS frames of SPDY/3, as pieces of one zlib stream per
 * direction that begins with the connection and never ends.
 *
 * Reading. After each block the sender flushes, so a block begins at a byte, and all that it can refer back to is the text
 * before it: the last 32 KiB, and at first the dictionary. So the text is the whole state, and each block is inflated for
 * itself, at once, with that text for its dictionary.
 * Writing. Our headers are a few words. They go as "stored" blocks, which any inflater reads and which need neither a
 * compressor nor its state.
 *
 * Source: SPDY protocol, draft 3, §2.6.10; RFC 1950 (zlib), RFC 1951 §3.2.4 (stored blocks).
 */
import { inflateRawSync, constants as zlib } from 'node:zlib'
import { headerDictionary } from './header-dictionary.ts'

/** Names in lower case. Several values of one name are one text, with NUL between. */
export type SpdyHeaders = Readonly<Record<string, string>>

const WINDOW_BYTES = 32 * 1024
const MAX_TEXT_BYTES = 64 * 1024
const MAX_STORED_BYTES = 65_535

/** zlib: deflate, window of 32 KiB, no dictionary needed. */
const ZLIB_HEADER = Buffer.from([0x78, 0x01])
/** The second byte's flag for "the four bytes that follow name the dictionary". */
const HAS_DICTIONARY = 0x20
/** A stored block of no bytes: what a flush writes, and what makes the other end hand out what it has. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff])

export class HeaderReader {
  #window: Buffer = headerDictionary
  #isFirst = true

  /** Throws when the block is broken, or its text longer than 64 KiB. */
  read(block: Buffer): SpdyHeaders {
    const compressed = this.#isFirst ? withoutZlibHeader(block) : block
    this.#isFirst = false
    const text = inflateRawSync(compressed, {
      dictionary: this.#window,
      finishFlush: zlib.Z_SYNC_FLUSH,
      maxOutputLength: MAX_TEXT_BYTES,
    })
    this.#window = Buffer.concat([this.#window, text]).subarray(-WINDOW_BYTES)
    return parseHeaders(text)
  }
}

export class HeaderWriter {
  #isFirst = true

  write(headers: SpdyHeaders): Buffer {
    const text = formatHeaders(headers)
    const parts: Buffer[] = this.#isFirst ? [ZLIB_HEADER] : []
    this.#isFirst = false
    for (let start = 0; start < text.length; start += MAX_STORED_BYTES) {
      parts.push(stored(text.subarray(start, start + MAX_STORED_BYTES)))
    }
    return Buffer.concat([...parts, FLUSH])
  }
}

function withoutZlibHeader(block: Buffer): Buffer {
  const [method = 0, flags = 0] = block
  if ((method & 0x0f) !== 8 || (method * 256 + flags) % 31 !== 0) throw new Error('header block is not zlib')
  return block.subarray(flags & HAS_DICTIONARY ? 6 : 2)
}

function stored(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt16LE(bytes.length, 1)
  head.writeUInt16LE(~bytes.length & 0xffff, 3)
  return Buffer.concat([head, bytes])
}

function formatHeaders(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers)
  return Buffer.concat([uint32(entries.length), ...entries.flat().flatMap((text) => withLength(Buffer.from(text)))])
}

function parseHeaders(text: Buffer): SpdyHeaders {
  let offset = 4
  const take = () => {
    const start = offset + 4
    offset = start + text.readUInt32BE(offset)
    if (offset > text.length) throw new Error('header block ends in the middle of a header')
    return text.toString('utf8', start, offset)
  }
  // A null prototype: "__proto__" is a header name like any other.
  const headers: Record<string, string> = Object.create(null)
  for (let left = text.readUInt32BE(0); left > 0; left--) {
    const name = take()
    headers[name.toLowerCase()] = take()
  }
  return headers
}

function withLength(bytes: Buffer): Buffer[] {
  return [uint32(bytes.length), bytes]
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
