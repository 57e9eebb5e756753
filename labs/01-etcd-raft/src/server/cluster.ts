/**
 * What a cluster is founded with: its first members, from the command line, before there is any log to read them from.
 *
 * Ids are made from peer URLs and the cluster's token, so that all founders know each other's without asking. They are upstream's own: the
 * member that real etcd calls 8e9e05c52164694d has that id here too.
 * Source: etcd `server/etcdserver/api/membership/member.go` (`computeMemberID`), `cluster.go` (`genID`).
 */
import { createHash } from 'node:crypto'

export interface FoundingMember {
  /** 64 bits, as a decimal string. */
  readonly id: string
  readonly name: string
  /** Where other members reach it. */
  readonly peerURLs: readonly string[]
}

export interface ClusterConfiguration {
  readonly clusterId: string
  readonly self: { readonly id: string; readonly name: string }
  /** The members before the first entry of the log. */
  readonly founders: readonly FoundingMember[]
  /** Where members could be reached when this one was founded or joined: until its log tells, it has nothing else to go by. */
  readonly contacts: readonly FoundingMember[]
}

export interface FoundingFlags {
  readonly name: string
  /** As etcd's: `a=https://127.0.0.1:2380,b=https://…`; a name may come more than once, with one URL each. */
  readonly initialCluster: string
  readonly initialClusterToken: string
}

export const DEFAULT_TOKEN = 'etcd-cluster'

/** The cluster that starts with these flags, the same on every member. */
export function foundCluster(flags: FoundingFlags): ClusterConfiguration {
  const named = parseInitialCluster(flags)
  const founders = named.map((member) => ({ ...member, id: memberId(member.peerURLs, flags.initialClusterToken) }))
  const self = founders.find((member) => member.name === flags.name)!
  const clusterId = hashId(Buffer.concat(sortedIds(founders).map(bigEndian)))
  return { clusterId, self, founders, contacts: founders }
}

export type NamedUrls = Omit<FoundingMember, 'id'>

/** Name and URLs of every member that `--initial-cluster` names, in the order given. Throws when this member is not among them. */
export function parseInitialCluster({ name, initialCluster }: Omit<FoundingFlags, 'initialClusterToken'>): NamedUrls[] {
  const urls = new Map<string, string[]>()
  for (const part of initialCluster.split(',')) {
    const [memberName, url] = part.split(/=(.*)/s)
    if (!memberName || !url) throw new Error(`--initial-cluster: "${part}" is not of the form name=url`)
    if (!arePeerUrls([url])) throw new Error(`--initial-cluster: "${url}" is not a URL such as http://127.0.0.1:2380`)
    urls.set(memberName, [...(urls.get(memberName) ?? []), url])
  }
  if (!urls.has(name)) throw new Error(`--initial-cluster does not name this member, "${name}"`)
  return [...urls].map(([memberName, peerURLs]) => ({ name: memberName, peerURLs }))
}

/** @param addedAtSeconds since 1970, for a member that is added later: one with the same URLs may have been a member before. */
export function memberId(peerURLs: readonly string[], token: string, addedAtSeconds?: number): string {
  return hashId(Buffer.from(`${[...peerURLs].sort().join('')}${token}${addedAtSeconds ?? ''}`))
}

/** What upstream takes for peer URLs: at least one, http or https, a host, a port, and no path. */
export function arePeerUrls(urls: readonly string[]): boolean {
  return urls.length > 0 && urls.every((url) => /^https?:\/\/[^/\s]+:\d+$/.test(url) && URL.canParse(url))
}

function sortedIds(members: readonly FoundingMember[]): bigint[] {
  return members.map((member) => BigInt(member.id)).sort((a, b) => (a < b ? -1 : 1))
}

function bigEndian(id: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(id)
  return bytes
}

function hashId(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest().readBigUInt64BE(0).toString()
}
