/**
 * A disk in memory that fills up, fails and crashes when a test says so.
 *
 * It keeps two states: what programs see, and what has been synced. A crash makes a new disk out of the second, plus, as the seed says, any
 * part of what was under way: single pages of unsynced writes, files that were made, renamed or removed in an unsynced directory.
 */
import { dirname } from 'node:path'
import type { Disk, DiskFile } from '../raft/disk.ts'
import type { Random } from './random.ts'

/** Writes reach a disk in pieces of this size, in any order. Small, so that small tests tear. */
const PAGE_BYTES = 16

interface Content {
  bytes: Buffer
  synced: Buffer
}

export interface MemoryDiskOptions {
  /** Room for all files together; none by default. Names, and zeros at the end of a file, cost nothing. */
  readonly capacityBytes?: number
  /** Called before every operation that changes something: throw to let it fail. */
  readonly before?: (operation: string, path: string) => void
}

export class MemoryDisk implements Disk {
  capacityBytes: number
  before: (operation: string, path: string) => void
  readonly #files = new Map<string, Content>()
  /** By directory: the names as of its last sync. */
  readonly #syncedNames = new Map<string, Map<string, Content>>()

  constructor({ capacityBytes = Number.POSITIVE_INFINITY, before = () => {} }: MemoryDiskOptions = {}) {
    this.capacityBytes = capacityBytes
    this.before = before
  }

  async list(directory: string): Promise<string[]> {
    const names = [...this.#files.keys()].filter((path) => dirname(path) === directory)
    return names.map((path) => path.slice(directory.length + 1)).sort()
  }

  async read(path: string): Promise<Buffer> {
    return Buffer.from(this.#at(path).bytes)
  }

  async size(path: string): Promise<number> {
    return this.#at(path).bytes.length
  }

  async create(path: string): Promise<DiskFile> {
    this.before('create', path)
    const content = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) }
    this.#files.set(path, content)
    return this.#file(path, content)
  }

  async open(path: string): Promise<DiskFile> {
    return this.#file(path, this.#at(path))
  }

  async rename(from: string, to: string): Promise<void> {
    this.before('rename', to)
    this.#files.set(to, this.#at(from))
    this.#files.delete(from)
  }

  async remove(path: string): Promise<void> {
    this.before('remove', path)
    this.#files.delete(path)
  }

  async syncDirectory(directory: string): Promise<void> {
    this.before('sync directory', directory)
    this.#syncedNames.set(directory, this.#namesIn(directory))
  }

  /** Sets a file's content, and syncs it. */
  put(path: string, bytes: Uint8Array): void {
    this.#files.set(path, { bytes: Buffer.from(bytes), synced: Buffer.from(bytes) })
    this.#syncedNames.set(dirname(path), this.#namesIn(dirname(path)))
  }

  /** The disk as it may be found after the power has failed now. */
  crash(random: Random): MemoryDisk {
    const found = new MemoryDisk()
    const directories = new Set(
      [...this.#files.keys()].map((path) => dirname(path)).concat(...this.#syncedNames.keys()),
    )
    for (const directory of directories) {
      const synced = this.#syncedNames.get(directory) ?? new Map()
      const names = random.chance(0.5) ? synced : this.#namesIn(directory)
      for (const [path, content] of names) found.put(path, survivor(content, random))
    }
    return found
  }

  #namesIn(directory: string): Map<string, Content> {
    return new Map([...this.#files].filter(([path]) => dirname(path) === directory))
  }

  #at(path: string): Content {
    const content = this.#files.get(path)
    if (!content) throw diskError('ENOENT', 'open', path)
    return content
  }

  #file(path: string, content: Content): DiskFile {
    return {
      write: (bytes, position) => {
        this.before('write', path)
        const room = this.capacityBytes - this.#usedBytes()
        const grown = Math.max(0, position + bytes.length - usedBytes(content.bytes))
        // As real ones do, a full disk takes the beginning of what it cannot take whole.
        const taken = grown <= room ? bytes : bytes.subarray(0, Math.max(0, bytes.length - (grown - room)))
        const whole = Buffer.alloc(Math.max(content.bytes.length, position + taken.length))
        content.bytes.copy(whole)
        whole.set(taken, position)
        content.bytes = whole
        if (taken.length < bytes.length) throw diskError('ENOSPC', 'write', path)
      },
      read: async (position, length) => Buffer.from(content.bytes.subarray(position, position + length)),
      resize: async (bytes) => {
        this.before('resize', path)
        const resized = Buffer.alloc(bytes)
        content.bytes.copy(resized)
        content.bytes = resized
      },
      sync: async () => {
        this.before('sync', path)
        content.synced = Buffer.from(content.bytes)
      },
      close: async () => {},
    }
  }

  #usedBytes(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + usedBytes(bytes), 0)
  }
}

/** What holds no more than zeros at its end is a hole there. */
function usedBytes(bytes: Buffer): number {
  let used = bytes.length
  while (used > 0 && bytes[used - 1] === 0) used--
  return used
}

function survivor({ bytes, synced }: Content, random: Random): Buffer {
  const whole = Buffer.from(random.chance(0.5) ? bytes : synced)
  for (let page = 0; page < whole.length; page += PAGE_BYTES) {
    const end = Math.min(page + PAGE_BYTES, whole.length)
    const source = random.chance(0.5) ? bytes : synced
    whole.fill(0, page, end)
    whole.set(source.subarray(page, end), page)
  }
  return whole
}

/** As the system's: with the name of the call that failed. */
export function diskError(code: 'ENOSPC' | 'EIO' | 'ENOENT', syscall: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall })
}
