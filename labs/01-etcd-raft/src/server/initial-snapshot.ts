/**
 * A cluster that begins with the data of another: from a file that `etcdctl snapshot save` saved, of our members or of real ones.
 *
 * The file is made the member's own first snapshot, of an entry 1 that nobody ever wrote. So every founder must be given the same file, and they begin as
 * members do who have agreed on all of it. What comes along are keys with their history, leases with their full time, and alarms; who the members
 * are does not: that is a matter of the new cluster.
 * Source: etcd `etcdutl snapshot restore` (`etcdutl/snapshot/v3_snapshot.go`).
 */
import { readFile } from 'node:fs/promises'
import type { Log } from '#kit/contracts/log.ts'
import { readSnapshotFile } from '#kit/etcd-api/snapshot-file.ts'
import type { MachineContents } from '../snapshot/content.ts'
import type { ClusterConfiguration } from './cluster.ts'
import { Membership } from './membership.ts'
import { Storage } from './storage.ts'

export interface InitialSnapshot {
  readonly file: string
  readonly cluster: ClusterConfiguration
  readonly dataDirectory: string
  readonly log: Log
}

const FIRST = { index: 1, term: 1 } as const

/** Puts the file's content into an empty data directory; leaves alone one that holds anything, since it is a member's that has started before. */
export async function beginWithSnapshot({ file, cluster, dataDirectory, log }: InitialSnapshot): Promise<void> {
  if (!cluster.founders.some(({ id }) => id === cluster.self.id)) {
    throw new Error('--initial-snapshot is for members of a new cluster: one that joins gets its data from the others')
  }
  const { storage, found } = await Storage.open({ dataDirectory, log })
  try {
    const { hardState, entries } = found.restored
    if (found.snapshot || hardState || entries.length > 0) return
    const contents = await readContents(file, cluster)
    const voters = cluster.founders.map(({ id }) => id)
    await storage.save({ ...FIRST, voters, learners: [] }, contents)
    await storage.wal.append({ hardState: { term: FIRST.term, votedFor: null, commitIndex: FIRST.index }, entries: [] })
    log.info(`begins with the snapshot ${file}, at revision ${contents.store.revision}`)
  } finally {
    await storage.wal.close()
  }
}

async function readContents(file: string, { founders }: ClusterConfiguration): Promise<MachineContents> {
  try {
    const { revision, compactRevision, versions, leases, alarms } = readSnapshotFile(await readFile(file))
    const { members, removed } = new Membership(founders).contents()
    return { store: { revision, compactRevision, versions }, leases, alarms, members, removedMembers: removed }
  } catch (error) {
    throw new Error(`--initial-snapshot ${file}: ${error instanceof Error ? error.message : error}`)
  }
}
