/**
 * The disk as a member sees it: few operations, and for each it is said what a crash may undo.
 *
 * Guarantee: nothing is durable before `sync`. A file's content is after `DiskFile.sync`; its name, whether new, changed or removed, is after
 * `syncDirectory`. Until then a crash may leave the old, the new, or, inside a file, some of each.
 *
 * The members use `systemDisk`; tests give them one in memory that fails and crashes as told (kit/sim/memory-disk.ts).
 */
import { fdatasync, fdatasyncSync, writeSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

export interface Disk {
  /** The names in a directory, sorted; the directory is made if there is none. */
  list(directory: string): Promise<string[]>
  read(path: string): Promise<Buffer>
  /** Bytes of a file. */
  size(path: string): Promise<number>
  /** A new, empty file. What has this name is replaced. */
  create(path: string): Promise<DiskFile>
  open(path: string): Promise<DiskFile>
  /** Atomic: whoever looks sees the old file or the new one. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  syncDirectory(directory: string): Promise<void>
}

export interface DiskFile {
  /** Into the system's memory, which is quick enough to wait for. */
  write(bytes: Uint8Array, position: number): void
  /** May give less than asked for only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>
  /** Cuts the file, or lengthens it with zeros. */
  resize(bytes: number): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

const datasync = promisify(fdatasync)

export const systemDisk: Disk = {
  async list(directory) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return (await readdir(directory)).sort()
  },
  read: (path) => readFile(path),
  size: async (path) => (await stat(path)).size,
  create: async (path) => diskFile(await open(path, 'w+', 0o600)),
  open: async (path) => diskFile(await open(path, 'r+')),
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    const directory = await open(path, 'r')
    await directory.sync().finally(() => directory.close())
  },
}

/** About what is written for one client alone. */
const SMALL_BYTES = 4096
const QUICK_MS = 1

function diskFile(file: FileHandle): DiskFile {
  let unsyncedBytes = 0
  let usualSyncMs = 0
  return {
    write(bytes, position) {
      unsyncedBytes += bytes.length
      let written = 0
      while (written < bytes.length) {
        written += writeSync(file.fd, bytes, written, bytes.length - written, position + written)
      }
    },
    async read(position, length) {
      const buffer = Buffer.allocUnsafe(length)
      const { bytesRead } = await file.read(buffer, 0, length, position)
      return buffer.subarray(0, bytesRead)
    },
    resize: (bytes) => file.truncate(bytes),
    /**
     * Another thread waits for the disk, so that everything else goes on meanwhile, and more writes gather for the next sync. Only where there is little to
     * write and the disk is quick these days, we wait ourselves: the way to the other thread and back would take as long again.
     */
    async sync() {
      const isQuick = unsyncedBytes <= SMALL_BYTES && usualSyncMs < QUICK_MS
      unsyncedBytes = 0
      const startMs = performance.now()
      if (isQuick) fdatasyncSync(file.fd)
      else await datasync(file.fd)
      usualSyncMs += (performance.now() - startMs - usualSyncMs) / 8
    },
    close: () => file.close(),
  }
}

/**
 * Puts a file in its place all at once: written under a temporary name by `write`, synced, renamed, directory synced. Whatever goes wrong, the
 * place holds what it held before, or the whole new file. The temporary name ends with `.tmp`: leftovers may be removed.
 */
export async function replaceFile(disk: Disk, path: string, write: (file: DiskFile) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await disk.create(temporary)
  try {
    await write(file)
    await file.sync()
  } catch (error) {
    await file.close()
    await disk.remove(temporary).catch(() => {})
    throw error
  }
  await file.close()
  await disk.rename(temporary, path)
  await disk.syncDirectory(dirname(path))
}

/** Whether there is no room left, which may change; other errors of a disk do not pass. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}
