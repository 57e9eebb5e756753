/**
 * The files of the write-ahead log: each a sequence of records, together one log.
 *
 * A log that is one file can never be shortened at its beginning, and a log without beginning cannot be checked. So it is cut into segments, of
 * which the oldest can be deleted once a snapshot covers them. A segment's name and its first record say which it is; that record also has the
 * checksum of the whole segment before it, so that one that is missing, cut short or exchanged is noticed.
 *
 * Guarantee: what `readSegments` returns is what was appended, without gaps; only the end of the last segment may be torn.
 * Source: etcd `server/storage/wal` (segment names; the first record has the checksum so far).
 */
import { crc32 } from 'node:zlib'
import type { SegmentHeader } from '#kit/raft/wire.ts'
import { decodeWalRecord } from '#kit/raft/wire.ts'
import { isFollowedByRecord, readRecords } from './record.ts'
import type { WalRecord } from './replay.ts'

/** A file as it was found. */
export interface SegmentFile {
  readonly name: string
  readonly bytes: Buffer
}

export interface SegmentReading {
  readonly header: SegmentHeader
  readonly records: readonly WalRecord[]
  /** Where the next record belongs. */
  readonly validBytes: number
  /** Of these bytes. */
  readonly checksum: number
}

/** Thrown when what was written is not all there. The message is for the operator. */
export class WalDamage extends Error {
  override readonly name = 'WalDamage'
}

/** Sixteen hexadecimal digits each, so that names sort as numbers do. */
export function segmentName({ sequence, firstIndex }: Pick<SegmentHeader, 'sequence' | 'firstIndex'>): string {
  return `${hex16(sequence)}-${hex16(firstIndex)}.wal`
}

export function hex16(number: number): string {
  return number.toString(16).padStart(16, '0')
}

const SEGMENT_NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/

export function parseSegmentName(name: string): { sequence: number; firstIndex: number } | undefined {
  const match = SEGMENT_NAME.exec(name)
  return match ? { sequence: Number.parseInt(match[1]!, 16), firstIndex: Number.parseInt(match[2]!, 16) } : undefined
}

/** Reads all segments, given in the order of their names. Throws `WalDamage`. */
export function readSegments(files: readonly SegmentFile[]): SegmentReading[] {
  const readings: SegmentReading[] = []
  for (const [place, file] of files.entries()) {
    const before = readings.at(-1)
    const reading = readSegment(file, place === files.length - 1)
    if (before) checkFollows(file, reading.header, before, files[place - 1]!)
    readings.push(reading)
  }
  return readings
}

function readSegment({ name, bytes }: SegmentFile, isLast: boolean): SegmentReading {
  const whole = readRecords(bytes)
  // A torn write may look like damage, but only at the very end of the log.
  const isTorn = !whole.ok && isLast && !isFollowedByRecord(bytes, whole.offset)
  const reading = isTorn ? readRecords(bytes.subarray(0, whole.offset)) : whole
  if (!reading.ok) throw damage(name, reading.offset, reading.reason)
  const [first, ...records] = reading.payloads.map(decodeWalRecord)
  const header = first?.segment
  if (!header || segmentName(header) !== name) {
    throw damage(name, 0, 'it does not begin with the record that says which part of the log it is')
  }
  const rest = first.hardState || first.snapshot ? [{ ...first, entries: [] }, ...records] : records
  const checksum = crc32(bytes.subarray(0, reading.validBytes))
  return { header, records: rest, validBytes: reading.validBytes, checksum }
}

function checkFollows(file: SegmentFile, header: SegmentHeader, before: SegmentReading, beforeFile: SegmentFile): void {
  const expected = before.header.sequence + 1
  if (header.sequence !== expected) {
    throw damage(file.name, 0, `the file before it, whose name begins with ${hex16(expected)}, is missing`)
  }
  if (header.previousChecksum !== before.checksum) {
    const problem = `what it holds is not what ${file.name} was written after; a part may be missing at its end`
    throw damage(beforeFile.name, before.validBytes, problem)
  }
}

function damage(name: string, offset: number, reason: string): WalDamage {
  return new WalDamage(
    `${name} is damaged at byte ${offset}: ${reason}. ` +
      'Starting without what is lost would break promises that this member has made. ' +
      'Remove this member from the cluster, delete its data directory and add it anew, or restore the directory from a copy.',
  )
}
