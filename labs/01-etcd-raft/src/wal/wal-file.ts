/**
 * The write-ahead log as a file: opened, checked, repaired at its end, appended to, and synced.
 *
 * `append` resolves only when the bytes are on disk. Everything that is waiting when a sync ends goes into the next one (group
 * commit), because the driver hands over one `Ready` at a time.
 */
import { writeSync } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { HardState } from '#kit/raft/messages.ts'
import { decodeWalRecord, encodeWalRecord } from '#kit/raft/wire.ts'
import { encodeRecord, readRecords } from './record.ts'
import { type Restored, replay, type WalRecord } from './replay.ts'

export interface WalFile {
  /** Bytes so far. */
  readonly size: number
  append(record: WalRecord): Promise<void>
  close(): Promise<void>
}

/** Opens the log of a data directory, making it if there is none. Throws, naming file and offset, when it is damaged. */
export async function openWal(dataDirectory: string): Promise<{ wal: WalFile; restored: Restored }> {
  const directory = join(dataDirectory, 'wal')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, '0000000000000000.wal')
  const file = await open(path, 'a+', 0o600)
  try {
    const reading = readRecords(await file.readFile())
    if (!reading.ok) throw new Error(damageMessage(path, reading))
    const restored = replay(reading.payloads.map(decodeWalRecord))
    const { size } = await file.stat()
    if (size > reading.validBytes) await file.truncate(reading.validBytes)
    await file.sync()
    await syncDirectory(directory)
    return { wal: walOver(file, reading.validBytes), restored }
  } catch (error) {
    await file.close()
    throw error
  }
}

function damageMessage(path: string, { offset, reason }: { offset: number; reason: string }): string {
  return (
    `${path} is damaged at byte ${offset}: ${reason}, and more records follow. ` +
    'Starting without them would break promises that this member has made. ' +
    'Remove its data directory and let it join the cluster anew, or restore it from a copy.'
  )
}

function walOver(file: FileHandle, initialSize: number): WalFile {
  let size = initialSize
  let written: HardState | undefined
  let latest: HardState | undefined
  return {
    get size() {
      return size
    },
    async append(record) {
      latest = record.hardState ?? latest
      // A commit index alone promises nothing, since it can be learnt again: it goes along with the next record.
      if (record.entries.length === 0 && latest?.term === written?.term && latest?.votedFor === written?.votedFor)
        return
      const bytes = encodeRecord(
        encodeWalRecord({ entries: record.entries, ...(latest !== written && latest && { hardState: latest }) }),
      )
      writeAll(file.fd, bytes)
      await file.datasync()
      size += bytes.length
      written = latest
    },
    close: () => file.close(),
  }
}

/** Into the system's memory, which is quick enough to wait for; only the sync, which is not, is left to another thread. */
function writeAll(fd: number, bytes: Uint8Array): void {
  let written = 0
  while (written < bytes.length) written += writeSync(fd, bytes, written)
}

/** A new file is durable only once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  await directory.sync()
  await directory.close()
}
