/**
 * A file that grows at its end, with its length set ahead in steps: a sync that need not note a new length is a third quicker.
 *
 * Behind what was written there are zeros, until `cutAt` ends the file where its content ends.
 */
import type { Disk, DiskFile } from '#kit/raft/disk.ts'

const LENGTH_STEP = 4 << 20

export class PresizedFile {
  readonly #file: DiskFile
  readonly #maxBytes: number
  /** Up to where the file has its length already. */
  #reach: number

  private constructor(file: DiskFile, bytes: number, maxBytes: number) {
    this.#file = file
    this.#reach = bytes
    this.#maxBytes = maxBytes
  }

  /** @param maxBytes its length is not set further ahead than this. */
  static async open(disk: Disk, path: string, bytes: number, maxBytes: number): Promise<PresizedFile> {
    return new PresizedFile(await disk.open(path), bytes, maxBytes)
  }

  /** Resolves when the bytes are on disk. When it rejects, some of them may be: `cutAt` settles that. */
  async writeAndSync(bytes: Uint8Array, place: number): Promise<void> {
    const end = place + bytes.length
    if (end > this.#reach) await this.#resize(Math.max(end, Math.min(end + LENGTH_STEP, this.#maxBytes)))
    this.#file.write(bytes, place)
    await this.#file.sync()
  }

  /** Whatever is behind this is gone for good: half a record there would be taken for damage once others follow. */
  async cutAt(bytes: number): Promise<void> {
    await this.#resize(bytes)
    await this.#file.sync()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async closeAt(bytes: number): Promise<void> {
    await this.#file.resize(bytes)
    await this.#file.close()
  }

  async #resize(bytes: number): Promise<void> {
    await this.#file.resize(bytes)
    this.#reach = bytes
  }
}
