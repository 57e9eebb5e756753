/**
 * All that a member has on its disk: the newest snapshot, and the write-ahead log since then.
 *
 * Guarantee: what comes back at a start is what was there before, to the last acknowledged entry; or the start is refused, and the message says what
 * is damaged. Where snapshots are not written yet (step 1.5), the log alone does.
 * Source: etcd `server/etcdserver/storage.go`, `bootstrap.go`.
 */
import { describeError, type Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { type Disk, systemDisk } from '#kit/raft/disk.ts'
import type { SnapshotMetadata } from '#kit/raft/messages.ts'
import { MvccStore } from '../mvcc/store.ts'
import { type MachineContents, type SnapshotHead, storedVersions } from '../snapshot/content.ts'
import { SnapshotDirectory, type SnapshotId } from '../snapshot/snapshot-directory.ts'
import { SnapshotDamage } from '../snapshot/snapshot-file.ts'
import { openWal } from '../wal/open-wal.ts'
import { type Restored, replay, type WalRecord } from '../wal/replay.ts'
import { replayAfter, usableSnapshots } from '../wal/replay-after.ts'
import type { WalFile, WalOptions } from '../wal/wal-file.ts'

export interface StorageOptions extends WalOptions {
  readonly dataDirectory: string
  readonly log: Log
}

export interface OpenedStorage {
  readonly storage: Storage
  readonly found: Found
}

/** A snapshot's content, ready to be taken over by the state machine. */
export interface LoadedSnapshot {
  readonly head: SnapshotHead
  readonly store: MvccStore
}

export interface Found {
  /** Left out: there was none, or the log alone reaches back to the beginning. */
  readonly snapshot?: LoadedSnapshot
  /** What the log holds after it. */
  readonly restored: Restored
}

export class Storage {
  readonly wal: WalFile
  readonly snapshots: SnapshotDirectory
  readonly disk: Disk

  private constructor(wal: WalFile, snapshots: SnapshotDirectory, disk: Disk) {
    this.wal = wal
    this.snapshots = snapshots
    this.disk = disk
  }

  static async open(options: StorageOptions): Promise<OpenedStorage> {
    const disk = options.disk ?? systemDisk
    const snapshots = await SnapshotDirectory.open(disk, options.dataDirectory)
    const { wal, records } = await openWal(options.dataDirectory, options)
    try {
      return { storage: new Storage(wal, snapshots, disk), found: await restore(snapshots, records, options) }
    } catch (error) {
      await wal.close()
      throw error
    }
  }

  /** For a member whose step on it is not written yet: it comes up, to say so to whoever asks, and can write nothing. */
  static async missing(error: unknown, options: StorageOptions): Promise<OpenedStorage> {
    const disk = options.disk ?? systemDisk
    const done = () => Promise.resolve()
    const wal = {
      size: 0,
      append: () => Promise.reject(error),
      release: done,
      restoreReserve: async () => false,
      close: done,
    }
    const snapshots = await SnapshotDirectory.open(disk, options.dataDirectory)
    return { storage: new Storage(wal, snapshots, disk), found: { restored: { hardState: undefined, entries: [] } } }
  }

  /** First the file, then its mark: a mark promises a file. */
  async save(metadata: SnapshotMetadata, contents: MachineContents): Promise<void> {
    await this.snapshots.save(metadata, contents)
    try {
      await this.wal.append({ snapshot: metadata, entries: [] })
    } catch (error) {
      await this.snapshots.remove(metadata)
      throw error
    }
  }

  /** A snapshot that a leader sent takes the place of everything before it. `persist` writes its mark. */
  async install<Mark extends { readonly snapshot: SnapshotMetadata }>(
    mark: Mark,
    persist: (mark: Mark) => Promise<void>,
  ): Promise<LoadedSnapshot> {
    await this.snapshots.accept(mark.snapshot)
    await persist(mark)
    return load(this.snapshots, mark.snapshot)
  }

  /** Deletes what nobody needs: old snapshots, and the log before the oldest that is kept. */
  async removeOld(): Promise<void> {
    await this.wal.release(await this.snapshots.removeOld())
  }
}

async function restore(
  snapshots: SnapshotDirectory,
  records: readonly WalRecord[],
  { log }: StorageOptions,
): Promise<Found> {
  const marks = records.flatMap(({ snapshot }) => snapshot ?? [])
  if (marks.length === 0) return { restored: whole(() => replay(records), []) }
  await snapshots.removeUnmarked(marks)
  const broken: string[] = []
  for (const id of usableSnapshots(snapshots.found, records)) {
    try {
      const snapshot = await load(snapshots, id)
      return { snapshot, restored: whole(() => replayAfter(id, records), broken) }
    } catch (error) {
      if (!(error instanceof SnapshotDamage)) throw error
      broken.push(snapshots.name(id))
      log.warn(`${error.message}; trying the snapshot before it`)
      await snapshots.setAside(id)
    }
  }
  return { restored: whole(() => replayAfter({ index: 0, term: 0 }, records), broken) }
}

/** What is missing is told together with what to do about it. */
function whole(replayed: () => Restored, broken: readonly string[]): Restored {
  try {
    return replayed()
  } catch (error) {
    if (isNotImplemented(error)) throw error
    const cause = broken.length === 0 ? '' : `the snapshot ${broken.join(' and ')} is damaged, and without it `
    throw new Error(
      `${cause}the log is not whole: ${describeError(error)}. ` +
        'Starting like this would break promises that this member has made. ' +
        'Remove it from the cluster, delete its data directory and add it anew, or restore the directory from a copy.',
    )
  }
}

async function load(snapshots: SnapshotDirectory, id: SnapshotId): Promise<LoadedSnapshot> {
  const store = new MvccStore()
  let head: SnapshotHead | undefined
  for await (const block of snapshots.blocks(id)) {
    head ??= block.head
    if (block.versions) store.add(storedVersions(block.versions), head?.compactRevision ?? -1)
  }
  if (head?.index !== id.index || head.term !== id.term) {
    throw new SnapshotDamage(`${snapshots.name(id)} holds another snapshot than its name says`)
  }
  return { head, store }
}
