/**
 * The write-ahead log as it is found on a disk: its files are read, checked, and handed to who goes on writing.
 *
 * Guarantee: what is returned is what was appended, to the last acknowledged record; or it throws, and the message says what is damaged.
 * Source: etcd `server/storage/wal/wal.go` (`Open`, `ReadAll`), `repair.go`.
 */
import { join } from 'node:path'
import { type Disk, systemDisk } from '#kit/raft/disk.ts'
import type { WalRecord } from './replay.ts'
import { parseSegmentName, readSegments, WalDamage } from './segment.ts'
import { SegmentedWal, type WalFile, type WalOptions } from './wal-file.ts'

/** Opens the log of a data directory, making it if there is none. Throws `WalDamage`, naming file and offset, when it is damaged. */
export async function openWal(
  dataDirectory: string,
  options: WalOptions = {},
): Promise<{ wal: WalFile; records: readonly WalRecord[] }> {
  const disk = options.disk ?? systemDisk
  const directory = join(dataDirectory, 'wal')
  const names = await segmentNames(disk, directory)
  const files = await Promise.all(names.map(async (name) => ({ name, bytes: await disk.read(join(directory, name)) })))
  const readings = inDirectory(directory, () => readSegments(files))
  const wal = new SegmentedWal(disk, directory, options)
  await wal.begin(readings)
  return { wal, records: readings.flatMap(({ records }) => records) }
}

async function segmentNames(disk: Disk, directory: string): Promise<string[]> {
  const names = await disk.list(directory)
  for (const name of names) if (name.endsWith('.tmp')) await disk.remove(join(directory, name))
  const logs = names.filter((name) => name.endsWith('.wal'))
  const strange = logs.find((name) => !parseSegmentName(name))
  if (strange === undefined) return logs
  throw new WalDamage(
    `${join(directory, strange)} is not a file of this version's log: was it written by an older one? ` +
      `Delete ${directory} to begin with nothing, or go back to the version that wrote it.`,
  )
}

function inDirectory<Result>(directory: string, read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    if (error instanceof WalDamage) error.message = join(directory, error.message)
    throw error
  }
}
