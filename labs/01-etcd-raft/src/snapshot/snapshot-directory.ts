/**
 * The snapshots of a data directory: those of our own and those that a leader sent, the newest two of them kept.
 *
 * Two, so that one that the disk has damaged is not the end: the one before, and the log since then, give the same.
 * Source: etcd `server/etcdserver/api/snap`, `server/etcdserver/server.go` `purgeFile`.
 */
import { basename, join } from 'node:path'
import type { Disk } from '#kit/raft/disk.ts'
import type { SnapshotMetadata } from '#kit/raft/messages.ts'
import type { Block, MachineContents } from './content.ts'
import { checkSnapshot, parseSnapshotName, readSnapshot, snapshotName, writeSnapshot } from './snapshot-file.ts'

/** By which a snapshot is known: there can be only one. */
export type SnapshotId = Pick<SnapshotMetadata, 'index' | 'term'>

const KEPT = 2

export class SnapshotDirectory {
  readonly path: string
  readonly #disk: Disk
  #found: readonly SnapshotId[]

  private constructor(disk: Disk, path: string, found: readonly SnapshotId[]) {
    this.#disk = disk
    this.path = path
    this.#found = found
  }

  /** What is unfinished there is removed. */
  static async open(disk: Disk, dataDirectory: string): Promise<SnapshotDirectory> {
    const path = join(dataDirectory, 'snap')
    const names = await disk.list(path)
    for (const name of names) if (name.endsWith('.tmp')) await disk.remove(join(path, name))
    return new SnapshotDirectory(
      disk,
      path,
      names.flatMap((name) => parseSnapshotName(name) ?? []),
    )
  }

  get found(): readonly SnapshotId[] {
    return this.#found
  }

  file(id: SnapshotId): string {
    return join(this.path, snapshotName(id))
  }

  async save(metadata: SnapshotMetadata, contents: MachineContents): Promise<void> {
    await writeSnapshot(this.#disk, this.file(metadata), metadata, contents)
    this.#note(metadata)
  }

  blocks(id: SnapshotId): AsyncGenerator<Block> {
    return readSnapshot(this.#disk, this.file(id))
  }

  /** Takes in what a leader sends, under a temporary name. Throws unless all of it has arrived, whole, and is on disk. */
  async receive(id: SnapshotId, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await this.#disk.create(this.#incoming(id))
    try {
      let position = 0
      for await (const chunk of chunks) {
        file.write(chunk, position)
        position += chunk.length
      }
      await file.sync()
    } finally {
      await file.close()
    }
    await checkSnapshot(this.#disk, this.#incoming(id))
  }

  /** Gives what was received its place among the snapshots. */
  async accept(id: SnapshotId): Promise<void> {
    await this.#disk.rename(this.#incoming(id), this.file(id))
    await this.#disk.syncDirectory(this.path)
    this.#note(id)
  }

  /** Received, and not needed after all. */
  async discardReceived(): Promise<void> {
    const names = await this.#disk.list(this.path)
    for (const name of names) if (name.endsWith('.incoming.tmp')) await this.#disk.remove(join(this.path, name))
  }

  async remove(id: SnapshotId): Promise<void> {
    await this.#disk.remove(this.file(id))
    this.#found = this.#found.filter((other) => other.index !== id.index)
  }

  /** A snapshot that cannot be read is kept for whoever wants to look, under a name that no snapshot has. */
  async setAside(id: SnapshotId): Promise<void> {
    await this.#disk.rename(this.file(id), `${this.file(id)}.broken`)
    this.#found = this.#found.filter((other) => other.index !== id.index)
  }

  /** Removes all but the newest. Gives the index of the oldest that is kept as a way back; 0 when there is none but one. */
  async removeOld(): Promise<number> {
    const byIndex = [...this.#found].sort((a, b) => b.index - a.index)
    for (const id of byIndex.slice(KEPT)) await this.#disk.remove(this.file(id))
    this.#found = byIndex.slice(0, KEPT)
    return this.#found[KEPT - 1]?.index ?? 0
  }

  /** Removes what has no mark in the log: a crash came between file and mark. */
  async removeUnmarked(marked: readonly SnapshotId[]): Promise<void> {
    const isMarked = (id: SnapshotId) => marked.some(({ index, term }) => index === id.index && term === id.term)
    for (const id of this.#found) if (!isMarked(id)) await this.#disk.remove(this.file(id))
    this.#found = this.#found.filter(isMarked)
  }

  name(id: SnapshotId): string {
    return basename(this.file(id))
  }

  #incoming(id: SnapshotId): string {
    return `${this.file(id)}.incoming.tmp`
  }

  #note({ index, term }: SnapshotId): void {
    this.#found = [...this.#found.filter((other) => other.index !== index), { index, term }]
  }
}
