/**
 * The Cluster service: who there is.
 * Source: etcd `server/etcdserver/api/v3rpc/member.go`.
 */
import type { ClusterMember, MemberListRequest, MemberListResponse } from '#kit/etcd-api/messages.ts'
import type { ClusterConfiguration } from './cluster.ts'
import type { Engine } from './engine.ts'

export function clusterHandlers(engine: Engine, cluster: ClusterConfiguration) {
  const describe = ({ id, name, peerUrl }: ClusterConfiguration['members'][number]): ClusterMember => {
    const published = engine.machine.members.get(id)
    // Upstream leaves the name empty until the member has started for the first time.
    return {
      ID: id,
      name: published ? name : '',
      peerURLs: [peerUrl],
      clientURLs: published?.clientURLs ?? [],
      isLearner: false,
    }
  }
  return {
    async MemberList({ linearizable }: MemberListRequest): Promise<MemberListResponse> {
      if (linearizable) await engine.waitForFreshRead()
      return { header: engine.header(), members: cluster.members.map(describe) }
    },
  }
}
