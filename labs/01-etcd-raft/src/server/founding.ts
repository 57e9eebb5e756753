/**
 * How a member comes into its cluster: as a founder, by joining, or because it has been there before.
 *
 * What it was founded with is kept in its data directory, in `cluster.json`; after the first start the flags do not count any more. Whoever was
 * removed is marked there, and never starts again: its id is spent, and what it remembers is of a time when it had a vote.
 * Source: etcd `server/etcdserver/bootstrap.go` (`bootstrapNewClusterNoWAL`, `bootstrapExistingClusterNoWAL`, `bootstrapClusterWithWAL`).
 */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { PeerTls } from '#kit/raft/peer-link.ts'
import { askForMembers, type ClusterDescription } from '#kit/raft/peer-question.ts'
import {
  type ClusterConfiguration,
  type FoundingFlags,
  foundCluster,
  type NamedUrls,
  parseInitialCluster,
} from './cluster.ts'

export interface JoiningFlags extends FoundingFlags {
  /** `existing`: the cluster is there, and has added this member. */
  readonly initialClusterState: 'new' | 'existing'
}

export const REMOVED = 'the member has been permanently removed from the cluster'

interface Remembered extends ClusterConfiguration {
  readonly removed?: boolean
}

const FILE = 'cluster.json'

/** Which cluster this member belongs to. Throws, for people to read, when it may not start. */
export async function enterCluster(
  dataDirectory: string,
  flags: JoiningFlags,
  peerTls: PeerTls | undefined,
): Promise<ClusterConfiguration> {
  const remembered = await recall(dataDirectory)
  if (remembered?.removed) throw new Error(`${REMOVED}: to join again, remove ${dataDirectory} and add a new member`)
  const joins = !remembered && flags.initialClusterState === 'existing'
  const cluster = remembered ?? (joins ? await joinCluster(flags, peerTls) : foundCluster(flags))
  if (!joins && (await hasNoLog(dataDirectory))) await refuseAmnesia(cluster, dataDirectory, peerTls)
  if (!remembered) await remember(dataDirectory, cluster)
  return cluster
}

/** This member was removed: it must not start again. */
export async function markRemoved(dataDirectory: string): Promise<void> {
  const remembered = await recall(dataDirectory)
  if (remembered) await remember(dataDirectory, { ...remembered, removed: true })
}

/**
 * A founder that the others have seen running before, and that now has an empty directory, has forgotten its votes and its entries. With a vote given
 * twice, or an entry denied that a majority rested on, the others could forget what was decided. Who cannot be asked counts as new, as upstream has it.
 */
async function refuseAmnesia(
  { self, contacts }: ClusterConfiguration,
  dataDirectory: string,
  peerTls: PeerTls | undefined,
): Promise<void> {
  const urls = contacts.filter(({ id }) => id !== self.id).flatMap(({ peerURLs }) => peerURLs)
  const answers = await Promise.allSettled(urls.map((url) => askForMembers(url, peerTls)))
  const known = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.members : []))
  if (!known.some(({ id, name }) => id === self.id && name !== '')) return
  const hexId = BigInt(self.id).toString(16)
  throw new Error(
    `member ${hexId} has been part of this cluster before, and its data directory is empty: ${dataDirectory}. Without what it has promised, ` +
      `it could make the others forget what is decided. Put the directory back; or remove the member (etcdctl member remove ${hexId}), add it ` +
      'anew (etcdctl member add) and start it with --initial-cluster-state existing',
  )
}

/** Whoever has none has either never been started, or lost everything since. */
async function hasNoLog(dataDirectory: string): Promise<boolean> {
  const files = await readdir(join(dataDirectory, 'wal')).catch(() => [])
  return !files.some((name) => name.endsWith('.wal'))
}

const ATTEMPTS = 10
const RETRY_MS = 300

/** A member that was asked may not have heard yet that we were added, so all are asked, more than once. */
async function joinCluster(flags: JoiningFlags, peerTls: PeerTls | undefined): Promise<ClusterConfiguration> {
  const named = parseInitialCluster(flags)
  const others = named.filter((member) => member.name !== flags.name).flatMap((member) => member.peerURLs)
  if (others.length === 0)
    throw new Error('--initial-cluster-state existing needs the other members in --initial-cluster')
  let failure: unknown
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const url of others) {
      try {
        return placeIn(await askForMembers(url, peerTls), named, flags.name)
      } catch (error) {
        failure = error
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
  throw new Error(`cannot join the cluster: ${failure instanceof Error ? failure.message : failure}`)
}

/** Finds ourselves among the members; everyone must be named, as upstream asks, so that nobody joins the wrong cluster by mistake. */
function placeIn(
  { clusterId, founders, members }: ClusterDescription,
  named: readonly NamedUrls[],
  name: string,
): ClusterConfiguration {
  if (members.length !== named.length) {
    const there = members.map((member) => member.peerURLs.join(', ')).join('; ')
    throw new Error(`member count is unequal: --initial-cluster names ${named.length}, the cluster has ${there}`)
  }
  const contacts = members.map((member) => {
    const match = named.find(({ peerURLs }) => peerURLs.some((url) => member.peerURLs.includes(url)))
    if (match) return { ...member, name: match.name }
    throw new Error(`PeerURLs: no match found for existing member (${member.peerURLs.join(', ')}) in --initial-cluster`)
  })
  const self = contacts.find((member) => member.name === name)
  if (!self) throw new Error(`"${name}" has not been added to the cluster (etcdctl member add)`)
  return { clusterId, self: { id: self.id, name }, founders, contacts }
}

async function recall(dataDirectory: string): Promise<Remembered | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDirectory, FILE), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${join(dataDirectory, FILE)} cannot be read: ${(error as Error).message}`)
  }
}

/** Whole or not at all: written beside, synced, then renamed. */
async function remember(dataDirectory: string, cluster: Remembered): Promise<void> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  const path = join(dataDirectory, FILE)
  const file = await open(`${path}.tmp`, 'w', 0o600)
  await file.writeFile(`${JSON.stringify(cluster, undefined, 2)}\n`)
  await file.sync().finally(() => file.close())
  await rename(`${path}.tmp`, path)
  const directory = await open(dataDirectory, 'r')
  await directory.sync().finally(() => directory.close())
}
