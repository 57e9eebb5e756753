/**
 * CRC-32C, the checksum with Castagnoli's polynomial, which etcd uses; Node's own `crc32` has the other, older polynomial.
 * Source: RFC 3720 appendix B.4.
 */

/** `previous`: the checksum of the bytes before these. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  let checksum = ~previous
  for (let offset = 0; offset < bytes.length; offset++) {
    checksum = TABLE[(checksum ^ bytes[offset]!) & 0xff]! ^ (checksum >>> 8)
  }
  return ~checksum >>> 0
}

const POLYNOMIAL_REVERSED = 0x82f63b78

/** For each byte, what it does to the checksum. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL_REVERSED : value >>> 1
  return value
})
