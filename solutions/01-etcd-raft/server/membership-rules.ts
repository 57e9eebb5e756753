/**
 * Which changes of the members the leader refuses: those that contradict what is, and those after which the cluster might not be able to
 * decide anything any more, not even to undo them.
 *
 * The second kind is upstream's strict reconfiguration check. A typing error in the address of a second member would otherwise stop a cluster of one
 * for ever: two voters, of which one cannot be reached.
 * Source: etcd `server/etcdserver/api/membership/cluster.go` (`ValidateConfigurationChange`, `IsReadyToAddVotingMember` and its kin),
 * `server/etcdserver/server.go` (`mayAddMember`, `mayRemoveMember`, `mayPromoteMember`).
 */
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { ClusterMember } from '#kit/etcd-api/messages.ts'
import type { MemberChange } from './command.ts'
import type { Membership } from './membership.ts'

/** What the leader knows besides the members themselves. */
export interface LeaderView {
  readonly members: Membership
  readonly selfId: string
  isConnected(id: string): boolean
  /** Whether a learner holds nearly all of the leader's log. */
  hasCaughtUp(id: string): boolean
}

/** Upstream's default: learners cost the leader bandwidth, and one after the other is as quick. */
const MAX_LEARNERS = 1

/** Throws what upstream answers when the change must not be. */
export function checkChange(view: LeaderView, change: MemberChange): void {
  if (change.kind === 'Add') checkAdd(view, change)
  else if (change.kind === 'Remove') checkRemove(view, change.ID)
  else if (change.kind === 'Promote') checkPromote(view, change.ID)
  else checkUpdate(view, change)
}

function checkAdd(view: LeaderView, { ID, peerURLs, isLearner }: MemberChange): void {
  const { members } = view
  if (members.isRemoved(ID)) throw etcdErrors.memberNotFound()
  if (members.get(ID)) throw etcdErrors.memberExists()
  const all = members.list()
  if (all.some((member) => sharesUrl(member, peerURLs))) throw etcdErrors.peerUrlExists()
  if (isLearner) {
    if (all.filter((member) => member.isLearner).length >= MAX_LEARNERS) throw etcdErrors.tooManyLearners()
    return
  }
  const voters = votersOf(view)
  const started = voters.filter(hasStarted).length
  // A cluster of one may always grow: how else would it?
  if (voters.length === 1 && started === 1) return
  if (started < majorityOf(voters.length + 1)) throw etcdErrors.notEnoughStarted()
  if (reachable(view, voters) < majorityOf(voters.length + 1)) throw etcdErrors.unhealthy()
}

function checkRemove(view: LeaderView, id: string): void {
  const member = existing(view, id)
  if (member.isLearner) return
  const voters = votersOf(view)
  const remaining = voters.filter((voter) => voter.ID !== id)
  if (remaining.filter(hasStarted).length < majorityOf(remaining.length)) throw etcdErrors.notEnoughStarted()
  // One that cannot be reached is no loss.
  if (!isReachable(view, id)) return
  if (reachable(view, remaining) < majorityOf(remaining.length)) throw etcdErrors.unhealthy()
}

function checkPromote(view: LeaderView, id: string): void {
  const member = existing(view, id)
  if (!member.isLearner) throw etcdErrors.memberNotLearner()
  if (!view.hasCaughtUp(id)) throw etcdErrors.learnerNotReady()
  const voters = votersOf(view)
  const started = voters.filter(hasStarted).length + 1
  if (started < majorityOf(voters.length + 1)) throw etcdErrors.notEnoughStarted()
}

function checkUpdate(view: LeaderView, { ID, peerURLs }: MemberChange): void {
  existing(view, ID)
  const others = view.members.list().filter((member) => member.ID !== ID)
  if (others.some((member) => sharesUrl(member, peerURLs))) throw etcdErrors.peerUrlExists()
}

function existing({ members }: LeaderView, id: string): ClusterMember {
  const member = members.get(id)
  if (!member) throw etcdErrors.memberNotFound()
  return member
}

function votersOf({ members }: LeaderView): ClusterMember[] {
  return members.list().filter((member) => !member.isLearner)
}

/** A member says its name when it starts for the first time. */
function hasStarted(member: ClusterMember): boolean {
  return member.name !== ''
}

function isReachable(view: LeaderView, id: string): boolean {
  return id === view.selfId || view.isConnected(id)
}

function reachable(view: LeaderView, members: readonly ClusterMember[]): number {
  return members.filter((member) => isReachable(view, member.ID)).length
}

function sharesUrl(member: ClusterMember, urls: readonly string[]): boolean {
  return member.peerURLs.some((url) => urls.includes(url))
}

function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1
}
