/**
 * Records in the write-ahead log: how bytes on disk say whether they are whole.
 *
 *     length (4 bytes) | checksum of the payload (4) | checksum of these first 8 bytes (4) | payload
 *
 * Guarantee: what `readRecords` returns is exactly what was written. A write that a crash cut short can only be at the
 * end, and is dropped: nobody was told of it. Damage anywhere else means that promises were lost, and is reported, never skipped.
 * The header's own checksum is what tells the two apart: without it, a damaged length in the middle looks like a cut-off end.
 * Source: etcd `server/storage/wal` (record CRCs, `ErrUnexpectedEOF` against `ErrCRCMismatch`).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import { crc32 } from 'node:zlib'

export const HEADER_BYTES = 12

export type WalReading =
  /** `validBytes`: where the next record belongs; less than the file's length when a torn record follows. */
  | { readonly ok: true; readonly payloads: readonly Uint8Array[]; readonly validBytes: number }
  | { readonly ok: false; readonly offset: number; readonly reason: string }

/**
 * One record: the header as above, all numbers little-endian and unsigned, then the payload. `crc32` is node:zlib's.
 *
 * @lab 1.4 Frame a record with its checksums
 */
export function encodeRecord(payload: Uint8Array): Uint8Array {
  throw new NotImplemented(
    '1.4',
    'encodeRecord',
    'Frame a record with its checksums',
    'labs/01-etcd-raft/src/wal/record.ts',
  )
}

/**
 * Reads all records of a file. A record that fails is a torn end (dropped) when the file ends within it, or when it fails
 * its checksum and nothing but zeros follows it (`isBlank`); anything else is damage, reported with the offset of the record.
 *
 * @lab 1.4 Tell a torn end from damage
 */
export function readRecords(file: Uint8Array): WalReading {
  throw new NotImplemented('1.4', 'readRecords', 'Tell a torn end from damage', 'labs/01-etcd-raft/src/wal/record.ts')
}

/** Whether there is nothing but zeros (which a file system may leave after a crash) from `offset` on. */
export function isBlank(bytes: Uint8Array, offset: number): boolean {
  for (let position = offset; position < bytes.length; position += ZEROS.length) {
    const piece = bytes.subarray(position, position + ZEROS.length)
    if (Buffer.compare(piece, ZEROS.subarray(0, piece.length)) !== 0) return false
  }
  return true
}

const ZEROS = Buffer.alloc(64 * 1024)

/**
 * Whether any whole record begins behind `offset`. A write that a crash interrupts may reach the disk in any order, its end before its beginning:
 * that looks like damage, but nothing whole follows it, since nothing is written before the last write is synced.
 */
export function isFollowedByRecord(bytes: Buffer, offset: number): boolean {
  for (let position = offset + 1; position + HEADER_BYTES <= bytes.length; position++) {
    if (isBlank(bytes, position)) return false
    if (crc32(bytes.subarray(position, position + 8)) !== bytes.readUInt32LE(position + 8)) continue
    const payload = bytes.subarray(position + HEADER_BYTES, position + HEADER_BYTES + bytes.readUInt32LE(position))
    if (payload.length === bytes.readUInt32LE(position) && crc32(payload) === bytes.readUInt32LE(position + 4))
      return true
  }
  return false
}
