/**
 * The Cluster service: who there is, and changes of that.
 * Source: etcd `server/etcdserver/api/v3rpc/member.go`.
 */
import type { Clock } from '#kit/contracts/clock.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type {
  ClusterMember,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
} from '#kit/etcd-api/messages.ts'
import { arePeerUrls, memberId } from './cluster.ts'
import type { MemberChange } from './command.ts'
import type { Engine } from './engine.ts'

export function clusterHandlers(engine: Engine, clock: Clock) {
  // Upstream's answers of this service know nothing of revisions.
  const header = () => engine.header(0)
  const change = async (
    wanted: Pick<MemberChange, 'kind' | 'ID'> & Partial<MemberChange>,
  ): Promise<MemberListResponse> => {
    const members = await engine.changeMembers({ peerURLs: [], isLearner: false, ...wanted })
    return { header: header(), members }
  }
  return {
    async MemberList({ linearizable }: MemberListRequest): Promise<MemberListResponse> {
      if (linearizable) await engine.waitForFreshRead()
      return { header: header(), members: engine.machine.members.list() }
    },

    async MemberAdd({ peerURLs, isLearner }: MemberAddRequest): Promise<MemberAddResponse> {
      if (!arePeerUrls(peerURLs)) throw etcdErrors.badMemberUrls()
      const ID = memberId(peerURLs, '', Math.floor(clock.now() / 1000))
      const answer = await change({ kind: 'Add', ID, peerURLs, isLearner })
      const member: ClusterMember = { ID, name: '', peerURLs, clientURLs: [], isLearner }
      return { ...answer, member }
    },

    MemberRemove: ({ ID }: MemberRemoveRequest) => change({ kind: 'Remove', ID }),

    MemberUpdate({ ID, peerURLs }: MemberUpdateRequest) {
      if (!arePeerUrls(peerURLs)) throw etcdErrors.badMemberUrls()
      return change({ kind: 'Update', ID, peerURLs })
    },

    MemberPromote: ({ ID }: MemberPromoteRequest) => change({ kind: 'Promote', ID }),
  }
}
