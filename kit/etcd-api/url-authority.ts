/**
 * Repairs requests that name their server by a URL.
 *
 * HTTP/2 says `:authority: 127.0.0.1:2379`. etcdctl 3.4, given an endpoint `http://127.0.0.1:2379`, sends all of that as the authority on the connections
 * that it opens to one certain member (`endpoint status`, `endpoint hashkv`, `defrag`, `move-leader`). Go's servers do not look; Node's HTTP/2 refuses
 * the request as malformed, before any JavaScript hears of it. So the bytes are mended on their way in: the two slashes become dots.
 *
 * That needs no knowledge of the rest, because nothing changes its length: also in HPACK's Huffman code, `/` and `.` both take six bits. And it is
 * enough to mend a connection's first request: the later ones refer to the value that both sides have then put into their tables.
 * Source: RFC 9113 §4.1, §8.3.1; RFC 7541 §5, §6 and appendix B. Clients from 3.5 on send what HTTP/2 asks for.
 */

/** Mends the authority in the first header block of a connection, in place. Says whether there was anything to mend. */
export function repairAuthority(headersFrame: Buffer): boolean {
  const value = findAuthority(headerBlock(headersFrame))
  if (!value) return false
  return ['http', 'https'].some((scheme) =>
    value.isHuffman
      ? replaceBits(value.bytes, huffman(`${scheme}://`), huffman(`${scheme}:..`))
      : replaceBits(value.bytes, ascii(`${scheme}://`), ascii(`${scheme}:..`)),
  )
}

const FRAME_HEADER_BYTES = 9
const FLAG_PADDED = 0x8
const FLAG_PRIORITY = 0x20

/** A HEADERS frame without its own header, its padding's length and its priority. What the padding holds comes last and is never reached. */
function headerBlock(frame: Buffer): Buffer {
  const flags = frame[4]!
  const extra = (flags & FLAG_PADDED ? 1 : 0) + (flags & FLAG_PRIORITY ? 5 : 0)
  return frame.subarray(FRAME_HEADER_BYTES + extra)
}

interface HeaderValue {
  readonly isHuffman: boolean
  readonly bytes: Buffer
}

/** HPACK's static table has `:authority` as its first name. */
const AUTHORITY = 1

/** Walks over the fields of a header block until one is named `:authority`. */
function findAuthority(block: Buffer): HeaderValue | undefined {
  const cursor = { block, offset: 0 }
  while (cursor.offset < block.length) {
    const first = block[cursor.offset]!
    const isIndexed = (first & 0x80) !== 0
    const isTableSize = (first & 0xe0) === 0x20
    const isAddedToTable = (first & 0xc0) === 0x40
    const name = readInteger(cursor, isIndexed ? 7 : isAddedToTable ? 6 : isTableSize ? 5 : 4)
    if (isIndexed || isTableSize) continue
    if (name === 0) readString(cursor)
    const value = readString(cursor)
    if (name === AUTHORITY) return value
  }
  return undefined
}

interface Cursor {
  readonly block: Buffer
  offset: number
}

/** An integer whose first `prefixBits` share a byte with something else. Lengths beyond a frame's cannot occur, so nothing overflows. */
function readInteger(cursor: Cursor, prefixBits: number): number {
  const limit = 2 ** prefixBits - 1
  const prefix = cursor.block[cursor.offset++]! & limit
  if (prefix < limit) return prefix
  let value = limit
  for (let weight = 1; ; weight *= 128) {
    const byte = cursor.block[cursor.offset++] ?? 0
    value += (byte & 0x7f) * weight
    if (byte < 0x80) return value
  }
}

function readString(cursor: Cursor): HeaderValue {
  const isHuffman = (cursor.block[cursor.offset]! & 0x80) !== 0
  const length = readInteger(cursor, 7)
  const bytes = cursor.block.subarray(cursor.offset, cursor.offset + length)
  cursor.offset += length
  return { isHuffman, bytes }
}

/** RFC 7541 appendix B: the characters that are needed here. */
const HUFFMAN_CODES: Record<string, string> = {
  h: '100111',
  t: '01001',
  p: '101011',
  s: '01000',
  ':': '1011100',
  '/': '011000',
  '.': '010111',
}

function huffman(text: string): string {
  return [...text].map((character) => HUFFMAN_CODES[character]).join('')
}

function ascii(text: string): string {
  return toBits(Buffer.from(text, 'ascii'))
}

function toBits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
}

/** Replaces bits that the bytes begin with by as many others. */
function replaceBits(bytes: Buffer, before: string, after: string): boolean {
  const bits = toBits(bytes.subarray(0, Math.ceil(before.length / 8)))
  if (!bits.startsWith(before)) return false
  const changed = after + bits.slice(after.length)
  for (let offset = 0; offset * 8 < changed.length; offset++) {
    bytes[offset] = Number.parseInt(changed.slice(offset * 8, offset * 8 + 8), 2)
  }
  return true
}
