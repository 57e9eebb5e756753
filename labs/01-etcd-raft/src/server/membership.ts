/**
 * The members as the cluster has agreed on them: part of the replicated state, changed only by applied entries.
 *
 * Raft needs to know only ids and who votes; addresses and names are kept here, beside it. An id that was removed never comes back: a member
 * that was away for long must not be taken for the new one at its address.
 * Source: etcd `server/etcdserver/api/membership/cluster.go`.
 */
import type { ClusterMember } from '#kit/etcd-api/messages.ts'
import type { FoundingMember } from './cluster.ts'
import type { MemberAttributes, MemberChange } from './command.ts'

/** All of it, as plain data, for snapshots. */
export interface MembershipContents {
  readonly members: readonly ClusterMember[]
  readonly removed: readonly string[]
}

export class Membership {
  #members = new Map<string, ClusterMember>()
  #removed = new Set<string>()
  /** Rises with every change, so that whoever follows the members sees that there is something to do. */
  version = 0

  /** Founders vote, and have no name until they have started for the first time and said so. */
  constructor(founders: readonly FoundingMember[] = []) {
    for (const { id, peerURLs } of founders) this.#set({ ID: id, name: '', peerURLs, clientURLs: [], isLearner: false })
  }

  /** In upstream's order, by id. */
  list(): ClusterMember[] {
    return [...this.#members.values()].sort((a, b) => (BigInt(a.ID) < BigInt(b.ID) ? -1 : 1))
  }

  get(id: string): ClusterMember | undefined {
    return this.#members.get(id)
  }

  isRemoved(id: string): boolean {
    return this.#removed.has(id)
  }

  removedIds(): string[] {
    return [...this.#removed]
  }

  /** A decided change. Whether it made sense was asked before it was proposed, when no other change was under way. */
  apply({ kind, ID, peerURLs, isLearner }: MemberChange): void {
    const member = this.#members.get(ID)
    if (kind === 'Remove') {
      this.#members.delete(ID)
      this.#removed.add(ID)
      this.version += 1
    } else if (kind === 'Add') this.#set({ ID, name: '', peerURLs, clientURLs: [], isLearner })
    else if (member && kind === 'Promote') this.#set({ ...member, isLearner: false })
    else if (member) this.#set({ ...member, peerURLs })
  }

  /** A member has started, and says how it is called and where clients reach it. */
  publish({ ID, name, clientURLs }: MemberAttributes): void {
    const member = this.#members.get(ID)
    if (member) this.#set({ ...member, name, clientURLs })
  }

  contents(): MembershipContents {
    return { members: this.list(), removed: this.removedIds() }
  }

  /** Becomes what `contents` described, whatever it was before. */
  restore({ members, removed }: MembershipContents): void {
    this.#members = new Map(members.map((member) => [member.ID, member]))
    this.#removed = new Set(removed)
    this.version += 1
  }

  #set(member: ClusterMember): void {
    this.#members.set(member.ID, member)
    this.version += 1
  }
}
