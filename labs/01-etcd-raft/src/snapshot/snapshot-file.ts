/**
 * Snapshots as files: written beside, put in their place all at once, read in pieces.
 *
 * Guarantee: a file that has a snapshot's name is whole, unless the disk has damaged it since; then reading it says so. Neither writing nor reading
 * keeps the rest of the member waiting for more than a few milliseconds.
 * Source: etcd `server/etcdserver/api/snap/snapshotter.go`.
 */
import { type Disk, type DiskFile, replaceFile } from '#kit/raft/disk.ts'
import type { SnapshotMetadata } from '#kit/raft/messages.ts'
import { encodeRecord, readRecords } from '../wal/record.ts'
import { hex16 } from '../wal/segment.ts'
import { type Block, decodeBlock, encodeBlocks, type MachineContents } from './content.ts'

/** After so long, everything else has its turn. */
const SLICE_MS = 4
const CHUNK_BYTES = 1 << 20

/** Thrown for a file that is not what was written. */
export class SnapshotDamage extends Error {
  override readonly name = 'SnapshotDamage'
}

export function snapshotName({ term, index }: Pick<SnapshotMetadata, 'term' | 'index'>): string {
  return `${hex16(term)}-${hex16(index)}.snap`
}

const SNAPSHOT_NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.snap$/

export function parseSnapshotName(name: string): { term: number; index: number } | undefined {
  const match = SNAPSHOT_NAME.exec(name)
  return match ? { term: Number.parseInt(match[1]!, 16), index: Number.parseInt(match[2]!, 16) } : undefined
}

/** `contents` must be a view that stays as it is while everything else goes on. */
export async function writeSnapshot(
  disk: Disk,
  path: string,
  metadata: SnapshotMetadata,
  contents: MachineContents,
): Promise<void> {
  await replaceFile(disk, path, async (file) => {
    let position = 0
    const turn = createTurns()
    for (const block of encodeBlocks(metadata, contents)) {
      const record = encodeRecord(block)
      file.write(record, position)
      position += record.length
      await turn()
    }
  })
}

/** The blocks of a file, each checked. Throws `SnapshotDamage` when the file is not whole, at the latest after its last block. */
export async function* readSnapshot(disk: Disk, path: string): AsyncGenerator<Block> {
  const file = await disk.open(path)
  try {
    let versions = 0
    let isEnded = false
    const turn = createTurns()
    for await (const payload of payloadsOf(file, path)) {
      if (isEnded) throw new SnapshotDamage(`${path} goes on after its end`)
      const block = decodeBlock(payload)
      versions += block.versions?.versions.length ?? 0
      isEnded = block.end?.versions === versions
      yield block
      await turn()
    }
    if (!isEnded) throw new SnapshotDamage(`${path} is cut short`)
  } finally {
    await file.close()
  }
}

/** Reads a file through once. Throws `SnapshotDamage` when it is not whole. */
export async function checkSnapshot(disk: Disk, path: string): Promise<void> {
  for await (const _ of readSnapshot(disk, path));
}

async function* payloadsOf(file: DiskFile, path: string): AsyncGenerator<Uint8Array> {
  let chunkBytes = CHUNK_BYTES
  for (let position = 0; ; ) {
    const chunk = await file.read(position, chunkBytes)
    if (chunk.length === 0) return
    const reading = readRecords(chunk)
    if (!reading.ok)
      throw new SnapshotDamage(`${path} is damaged at byte ${position + reading.offset}: ${reading.reason}`)
    yield* reading.payloads
    position += reading.validBytes
    if (reading.validBytes > 0) continue
    if (chunk.length < chunkBytes)
      throw new SnapshotDamage(`${path} is damaged at byte ${position}: it ends within a block`)
    // One block is longer than a chunk.
    chunkBytes *= 2
  }
}

function createTurns(): () => Promise<void> {
  let beganMs = performance.now()
  return async () => {
    if (performance.now() - beganMs < SLICE_MS) return
    await new Promise<void>((resolve) => setImmediate(resolve))
    beganMs = performance.now()
  }
}
