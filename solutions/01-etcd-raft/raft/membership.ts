/**
 * Changing who is a member, while the cluster runs: one member at a time.
 *
 * All of Raft rests on one fact: any two majorities share a member. Majorities of two *different* sets of voters need not. They do as long as the
 * sets differ by a single member, so one change must be finished before the next may begin. A change travels as an entry of the log and
 * takes effect on each member when that member applies it; it is committed by the voters of before.
 *
 * Guarantee: whoever holds the entry of a change has applied every change before it. So the voters that two members count on differ by one
 * change at most, and there is never a second leader in a term.
 * Source: Ongaro's thesis §4, and its correction of July 2015; etcd-io/raft `raft.go` (`pendingConfIndex`), `confchange`, `tracker`.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { Entry, MemberId, MembershipChange } from '#kit/raft/messages.ts'
import { entriesToApply, knowsCommitted } from './commit.ts'
import { becomeFollower } from './election.ts'
import { lastIndex, replaceFrom } from './log.ts'
import { unlessUnwritten } from './optional-steps.ts'
import { freshProgress } from './progress.ts'
import type { RaftState } from './state.ts'

export interface Members {
  /** Who may vote, and is counted in majorities. */
  readonly voters: readonly MemberId[]
  /** Who only receives the log. Nobody is both. */
  readonly learners: readonly MemberId[]
}

/** Upstream's: a learner with nine tenths of the leader's log soon has the rest. */
export const CAUGHT_UP = 0.9

/**
 * Who is a member after a change. AddVoter turns a learner into a voter; Remove takes away either; a voter stays one, whoever adds it again. The
 * others keep their order, and whoever is added comes last.
 *
 * @lab 1.13 Work out who is a member after a change
 */
export function membersAfter({ voters, learners }: Members, { kind, member }: MembershipChange): Members {
  const without = (ids: readonly MemberId[]) => ids.filter((id) => id !== member)
  if (kind === 'Remove') return { voters: without(voters), learners: without(learners) }
  if (voters.includes(member)) return { voters, learners }
  if (kind === 'AddVoter') return { voters: [...voters, member], learners: without(learners) }
  return { voters, learners: [...without(learners), member] }
}

/**
 * Whether a change may begin now: we lead and are not about to hand over, we have committed an entry of our own term (`knowsCommitted`, in
 * `commit.ts`), and no earlier change in our log waits to be applied (`pendingChangeIndex`).
 *
 * @lab 1.13 Decide whether a change may begin
 */
export function mayChangeMembers(raft: RaftState): boolean {
  if (raft.role !== 'leader' || raft.transferee !== null) return false
  return knowsCommitted(raft) && raft.pendingChangeIndex <= raft.appliedIndex
}

/**
 * Appends a change to our own log, if one may begin now, and remembers in `pendingChangeIndex` where. False, and nothing done, if not.
 *
 * @lab 1.13 Append a change to the leader's log
 */
export function proposeChange(raft: RaftState, change: MembershipChange, data: ByteString): boolean {
  if (!mayChangeMembers(raft)) return false
  const index = lastIndex(raft.log) + 1
  replaceFrom(raft.log, index, [{ term: raft.term, index, data, change }])
  raft.pendingChangeIndex = index
  return true
}

/**
 * A new leader, before its first entry: its log may hold a change that nobody knows to be committed, so it counts its last entry as one.
 *
 * @lab 1.13 Expect an unfinished change when taking office
 */
export function expectUnfinishedChange(raft: RaftState): void {
  raft.pendingChangeIndex = lastIndex(raft.log)
}

/**
 * The entry of a change is being applied: from now on these are the members. Who leads forgets the progress of one that was removed, and
 * makes one (`admitMember`) for one that is new; and, since fewer voters may be a majority now, considers commitment and tells everyone again
 * (`progressChanged`, `mustAnnounce`). Who was leading and is no voter any more steps down: in the same term, knowing no leader.
 *
 * @lab 1.13 Let a change take effect
 */
export function applyChange(raft: RaftState, change: MembershipChange): void {
  const { voters, learners } = membersAfter(raft, change)
  raft.voters = voters
  raft.learners = learners
  if (raft.role !== 'leader') return
  if (!voters.includes(raft.id)) {
    becomeFollower(raft, raft.term, null)
    return
  }
  if (change.kind === 'Remove') delete raft.progress[change.member]
  else if (!raft.progress[change.member]) admitMember(raft, change.member)
  raft.progressChanged = true
  raft.mustAnnounce = true
}

/** Nothing is known of a new member's log; the first answer will tell. */
export function admitMember(raft: RaftState, id: MemberId): void {
  // Check-quorum counts its silence from now, not from when our office began.
  raft.heardAt[id] = raft.officeTicks
  raft.progress[id] = freshProgress(lastIndex(raft.log) + 1)
}

/**
 * Whether this member may stand for election: it is a voter, and knows of no later members. It would, if there is a change among what is
 * committed and not applied yet (`entriesToApply`), or if it is about to take over a snapshot (`receivedSnapshot`).
 *
 * @lab 1.13 Decide who may stand for election
 */
export function mayCampaign(raft: RaftState): boolean {
  if (raft.receivedSnapshot !== null || !raft.voters.includes(raft.id)) return false
  return !entriesToApply(raft.log, raft.appliedIndex, raft.commitIndex).some((entry) => entry.change)
}

/**
 * On the leader: whether a member holds at least nine tenths (`CAUGHT_UP`) of what we hold on our own disk. A learner that has not would, once it
 * may vote, hold up every commit that needs its voice. False for whoever is no member.
 *
 * @lab 1.13 Tell whether a learner has caught up
 */
export function hasCaughtUp(raft: RaftState, id: MemberId): boolean {
  const progress = raft.progress[id]
  return progress !== undefined && progress.matchIndex >= CAUGHT_UP * raft.progress[raft.id]!.matchIndex
}

// Given: where the rest of Raft meets this step. While the step is not written, the members stay as they are.

export function canStand(raft: RaftState): boolean {
  return unlessUnwritten(() => mayCampaign(raft), true)
}

export function beginOffice(raft: RaftState): void {
  unlessUnwritten(() => expectUnfinishedChange(raft), undefined)
}

export function applyChanges(raft: RaftState, entries: readonly Entry[]): void {
  for (const { change } of entries) if (change) applyChange(raft, change)
}
