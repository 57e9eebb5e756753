/**
 * Bytes as a JavaScript string, one character (0 to 255) per byte.
 *
 * Inside a member, keys, values and log entries are byte strings: immutable, cheap to compare (by code unit, which is byte
 * order), good as Map keys, plain data for tests, and readable when a test fails. V8 stores them with one byte per
 * character. At the sockets and at the disk they are Buffers.
 */
export type ByteString = string

export function toByteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

export function toBuffer(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1')
}

/** The byte string of a text's UTF-8 form. */
export function utf8Bytes(text: string): ByteString {
  return toByteString(Buffer.from(text, 'utf8'))
}
