/**
 * Room for the last words: a file of no use, deleted when the disk is full.
 *
 * A member whose disk is full must still write a little: what it is about to acknowledge, and the alarm by which all members learn to refuse
 * more. So it keeps a file whose only content is its size, and gives that up first.
 */
import { join } from 'node:path'
import { type Disk, isDiskFull, replaceFile } from '#kit/raft/disk.ts'

export interface Reserve {
  /** Gives the room back to the disk; false when there was none any more. */
  use(): Promise<boolean>
  /** Makes it again, if it was used; false while there is no room for it. */
  restore(): Promise<boolean>
}

const NAME = 'reserve'

/** On a disk that is full already there is none; it is made again at a later start. */
export async function openReserve(disk: Disk, directory: string, bytes: number): Promise<Reserve> {
  const path = join(directory, NAME)
  let isThere = bytes > 0 && (await make(disk, path, bytes))
  return {
    async use() {
      if (!isThere) return false
      isThere = false
      await disk.remove(path)
      await disk.syncDirectory(directory)
      return true
    },
    async restore() {
      isThere ||= bytes === 0 || (await make(disk, path, bytes))
      return isThere
    },
  }
}

async function make(disk: Disk, path: string, bytes: number): Promise<boolean> {
  const size = await disk.size(path).catch(() => 0)
  if (size === bytes) return true
  try {
    // Not zeros: some file systems keep no room for those.
    await replaceFile(disk, path, async (file) => file.write(Buffer.alloc(bytes, 'reserve '), 0))
    return true
  } catch (error) {
    if (!isDiskFull(error)) throw error
    return false
  }
}
