/**
 * Who is in the cluster: ids made from names and peer URLs, so that all members know each other's without asking.
 *
 * Source: etcd `server/etcdserver/api/membership` (ids are hashes of peer URLs and cluster token).
 */
import { createHash } from 'node:crypto'

export interface ConfiguredMember {
  readonly id: string
  readonly name: string
  readonly peerUrl: string
}

export interface ClusterConfiguration {
  readonly clusterId: string
  readonly self: ConfiguredMember
  /** In the order given, this member included. */
  readonly members: readonly ConfiguredMember[]
}

/** @param initialCluster as etcd's `--initial-cluster`: `a=https://127.0.0.1:2380,b=https://…` */
export function parseCluster(name: string, initialCluster: string): ClusterConfiguration {
  const members = initialCluster.split(',').map((part) => {
    const [memberName, peerUrl] = part.split(/=(.*)/s)
    if (!memberName || !peerUrl) throw new Error(`--initial-cluster: "${part}" is not of the form name=url`)
    return { id: hashId(`${memberName} ${peerUrl}`), name: memberName, peerUrl }
  })
  const self = members.find((member) => member.name === name)
  if (!self) throw new Error(`--initial-cluster does not name this member, "${name}"`)
  const ids = members.map((member) => member.id).sort()
  return { clusterId: hashId(ids.join(' ')), self, members }
}

/** 64 bits, as a decimal string; never 0, which means "none". */
function hashId(text: string): string {
  return (createHash('sha256').update(text).digest().readBigUInt64BE(0) | 1n).toString()
}
