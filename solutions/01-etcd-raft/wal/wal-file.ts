/**
 * The write-ahead log on a disk: appended to, synced, cut into segments, shortened.
 *
 * Guarantee: when `append` resolves, the record is on disk. When it rejects because the disk is full, nothing of the record is, and the log is as it
 * was before: it may be tried again. Everything that is waiting when a sync ends goes into the next one (group commit), because the driver hands over
 * one `Ready` at a time.
 * Source: etcd `server/storage/wal/wal.go`.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type Disk, isDiskFull, replaceFile } from '#kit/raft/disk.ts'
import type { HardState } from '#kit/raft/messages.ts'
import { encodeWalRecord, type SegmentHeader } from '#kit/raft/wire.ts'
import { PresizedFile } from './presized-file.ts'
import { encodeRecord } from './record.ts'
import type { WalRecord } from './replay.ts'
import { obsoleteSegments } from './replay-after.ts'
import { openReserve } from './reserve.ts'
import { type SegmentReading, segmentName } from './segment.ts'

export interface WalFile {
  /** Bytes so far, in all segments. */
  readonly size: number
  append(record: WalRecord): Promise<void>
  /** Deletes the segments of which nothing is needed once the snapshot of this index is the oldest that may be. */
  release(snapshotIndex: number): Promise<void>
  /** Makes the reserve again that a full disk has used; false while there is no room for it. */
  restoreReserve(): Promise<boolean>
  close(): Promise<void>
}

export interface WalOptions {
  readonly disk?: Disk
  /** A new segment begins where the next record would make the present one longer. */
  readonly segmentBytes?: number
  /** Room on the disk that is kept for the moment when there is none; see reserve.ts. */
  readonly reserveBytes?: number
  /** The disk is full: the log now lives on its reserve. */
  readonly onFull?: () => void
}

interface Segment {
  readonly path: string
  readonly sequence: number
  readonly firstIndex: number
  bytes: number
}

const SEGMENT_BYTES = 64 << 20
const RESERVE_BYTES = 4 << 20

export class SegmentedWal implements WalFile {
  readonly #disk: Disk
  readonly #directory: string
  readonly #options: WalOptions
  readonly #segmentBytes: number
  #segments: Segment[] = []
  /** The last segment's. */
  #file!: PresizedFile
  #checksum = 0
  #lastIndex = 0
  #reserve!: Awaited<ReturnType<typeof openReserve>>
  #written: HardState | undefined
  #latest: HardState | undefined
  /**
   * What the disk failed with, other than being full. From then on nobody knows what is on it: a system that could not write a page may forget that it had to,
   * and call the next sync a success. So there is no next one.
   */
  #failure: unknown
  /** Appends, one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(disk: Disk, directory: string, options: WalOptions) {
    this.#disk = disk
    this.#directory = directory
    this.#options = options
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
  }

  get size(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Goes on where the last segment ends; what is torn there is cut off. */
  async begin(readings: readonly SegmentReading[]): Promise<void> {
    this.#reserve = await openReserve(this.#disk, this.#directory, this.#options.reserveBytes ?? RESERVE_BYTES)
    this.#segments = readings.map(({ header, validBytes }) => this.#segment(header, validBytes))
    for (const { records } of readings) for (const record of records) this.#note(record)
    this.#written = this.#latest
    const last = readings.at(-1)
    if (!last) return this.#addSegment(1)
    this.#checksum = last.checksum
    this.#file = await this.#openFile(this.#present)
    await this.#cutTail()
    await this.#disk.syncDirectory(this.#directory)
  }

  append(record: WalRecord): Promise<void> {
    const appended = this.#turn.then(() => this.#append(record))
    this.#turn = appended.catch((error) => {
      if (!isDiskFull(error)) this.#failure ??= error
    })
    return appended
  }

  async release(snapshotIndex: number): Promise<void> {
    for (const segment of obsoleteSegments(this.#segments, snapshotIndex)) {
      await this.#disk.remove(segment.path)
      // One by one, oldest first: a crash in between must not leave a gap.
      await this.#disk.syncDirectory(this.#directory)
      this.#segments = this.#segments.filter((other) => other !== segment)
    }
  }

  restoreReserve(): Promise<boolean> {
    return this.#reserve.restore()
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#file.closeAt(this.#present.bytes)
  }

  get #present(): Segment {
    return this.#segments.at(-1)!
  }

  async #append(record: WalRecord): Promise<void> {
    if (this.#failure) throw this.#failure
    const { hardState = this.#latest, entries, snapshot } = record
    // A commit index alone promises nothing, since it can be learnt again: it goes along with the next record.
    const isPromise = hardState?.term !== this.#written?.term || hardState?.votedFor !== this.#written?.votedFor
    if (entries.length > 0 || isPromise || snapshot) {
      const changed = hardState !== this.#written && hardState
      const content = { entries, ...(changed && { hardState: changed }), ...(snapshot && { snapshot }) }
      await this.#write(encodeRecord(encodeWalRecord(content)), entries[0]?.index)
      this.#written = hardState
    }
    this.#note(record)
  }

  #note({ hardState, entries, snapshot }: WalRecord): void {
    this.#latest = hardState ?? this.#latest
    this.#lastIndex = entries.at(-1)?.index ?? Math.max(this.#lastIndex, snapshot?.index ?? 0)
  }

  async #write(bytes: Uint8Array, firstIndex: number | undefined): Promise<void> {
    try {
      await this.#cutIfLong(bytes.length, firstIndex)
      await this.#file.writeAndSync(bytes, this.#present.bytes)
    } catch (error) {
      if (!isDiskFull(error)) throw error
      await this.#cutTail()
      this.#options.onFull?.()
      if (!(await this.#reserve.use())) throw error
      await this.#file.writeAndSync(bytes, this.#present.bytes).catch(async (again) => {
        await this.#cutTail()
        throw again
      })
    }
    this.#present.bytes += bytes.length
    this.#checksum = crc32(bytes, this.#checksum)
  }

  /** Ends the file with its last whole record. */
  #cutTail(): Promise<void> {
    return this.#file.cutAt(this.#present.bytes)
  }

  /** The end of the old file is settled before there is a new one. */
  async #cutIfLong(moreBytes: number, firstIndex: number | undefined): Promise<void> {
    if (this.#present.bytes + moreBytes <= this.#segmentBytes) return
    await this.#cutTail()
    const old = this.#file
    await this.#addSegment(firstIndex ?? this.#lastIndex + 1)
    await old.close()
  }

  /** A new file is whole before it has its name: it always begins with its header, and with the hard state, so that those before can go. */
  async #addSegment(firstIndex: number): Promise<void> {
    const sequence = (this.#segments.at(-1)?.sequence ?? -1) + 1
    const header = { sequence, firstIndex, previousChecksum: this.#checksum }
    const hardState = this.#latest ? { hardState: this.#latest } : {}
    const bytes = encodeRecord(encodeWalRecord({ segment: header, ...hardState, entries: [] }))
    const segment = this.#segment(header, bytes.length)
    try {
      await replaceFile(this.#disk, segment.path, async (file) => file.write(bytes, 0))
      this.#file = await this.#openFile(segment)
    } catch (error) {
      // The old segment goes on, so there must be none that claims to follow it.
      await this.#disk.remove(segment.path)
      await this.#disk.syncDirectory(this.#directory)
      throw error
    }
    this.#segments.push(segment)
    this.#checksum = crc32(bytes)
    this.#written = this.#latest
  }

  #openFile({ path, bytes }: Segment): Promise<PresizedFile> {
    return PresizedFile.open(this.#disk, path, bytes, this.#segmentBytes)
  }

  #segment(header: SegmentHeader, bytes: number): Segment {
    const { sequence, firstIndex } = header
    return { path: join(this.#directory, segmentName(header)), sequence, firstIndex, bytes }
  }
}
