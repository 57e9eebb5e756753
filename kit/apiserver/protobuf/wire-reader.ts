/**
 * The wire format of protobuf: a message is a sequence of fields, each a number, a wire type and a value.
 *
 * Source: protobuf.dev "Encoding". Only what Kubernetes' generated code writes: no groups.
 */

export interface WireField {
  readonly number: number
  /** Varints as numbers (exact up to 2^53), length-delimited fields as bytes. */
  readonly value: number | Uint8Array
}

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** Throws RangeError on bytes that are no message. */
export function* readFields(bytes: Uint8Array): Generator<WireField> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = (): number => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('unexpected end of message')
      value |= BigInt(byte & 0x7f) << shift
      // Negative numbers of any width are sent as ten bytes of a 64-bit number.
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw new RangeError('number is too long')
  }
  const take = (length: number): number => {
    if (length < 0 || at + length > bytes.length) throw new RangeError('unexpected end of message')
    at += length
    return at - length
  }
  while (at < bytes.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    if (number <= 0) throw new RangeError(`illegal field number ${number}`)
    switch (key % 8) {
      case VARINT:
        yield { number, value: varint() }
        break
      case BYTES: {
        const length = varint()
        const start = take(length)
        yield { number, value: bytes.subarray(start, start + length) }
        break
      }
      case FIXED64:
        yield { number, value: view.getFloat64(take(8), true) }
        break
      case FIXED32:
        yield { number, value: view.getFloat32(take(4), true) }
        break
      default:
        throw new RangeError(`illegal wire type ${key % 8}`)
    }
  }
}
