/**
 * Handing leadership over, so that a leader can leave without the cluster standing still for an election timeout.
 *
 * The leader takes no more proposals, waits until the transferee has its whole log, and tells it to stand for election at once. The
 * transferee wins because its log is complete and because nobody else is standing; that it may be elected although the leader is well, the others
 * see from `leadershipTransfer` in its requests.
 *
 * Safety rests on the election alone, as always. When the transferee does not take over within an election timeout, the leader goes on.
 * Source: Ongaro's thesis §3.10; etcd-io/raft `stepLeader`, `MsgTransferLeader`.
 */
import type { MemberId } from '#kit/raft/messages.ts'
import { standForElection } from './election.ts'
import { lastIndex } from './log.ts'
import { otherVoters, type RaftState, send } from './state.ts'

/**
 * Begins to hand over to `to` and says whether it does. Only a leader can, and only to another voter (a learner cannot win an election). A transfer to
 * the same member that is under way already just goes on, and nothing is sent again; one to another member is replaced, with its time starting
 * again. Everyone is owed a message (`mustAnnounce`), which brings the transferee what it lacks; if it lacks nothing it is told at once (`continueTransfer`).
 *
 * @lab 1.12 Begin to hand over
 */
export function transferLeadership(raft: RaftState, to: MemberId): boolean {
  if (raft.role !== 'leader' || !otherVoters(raft).includes(to)) return false
  if (raft.transferee === to) return true
  raft.transferee = to
  raft.transferElapsed = 0
  raft.mustAnnounce = true
  continueTransfer(raft)
  return true
}

/**
 * Tells the transferee to stand (`TimeoutNow`) if its log is known to match ours to the very end, and remembers in `hasOfferedOffice` that it was
 * told. Else nothing yet. It is called again with each of its answers, so a TimeoutNow that got lost is repeated.
 *
 * @lab 1.12 Tell the transferee to stand
 */
export function continueTransfer(raft: RaftState): void {
  const to = raft.transferee
  if (to === null || raft.progress[to]?.matchIndex !== lastIndex(raft.log)) return
  raft.hasOfferedOffice = true
  send(raft, { type: 'TimeoutNow', to })
}

/**
 * A tick during a transfer: counts it in `transferElapsed`, and gives the transfer up once an election timeout (`timing.electionTicks`) has
 * passed: the transferee may be dead, and the cluster must not wait for it. Then proposals are taken again.
 *
 * @lab 1.12 Give a transfer up in time
 */
export function tickTransfer(raft: RaftState): void {
  raft.transferElapsed += 1
  if (raft.transferElapsed >= raft.timing.electionTicks) raft.transferee = null
}

/**
 * The leader wants us to take over: we stand for election (`standForElection`) without waiting and without asking first, as a transfer of
 * leadership. Only a voter that is not leading does.
 *
 * @lab 1.12 Stand at the leader's wish
 */
export function handleTimeoutNow(raft: RaftState): void {
  if (raft.role === 'leader' || !raft.voters.includes(raft.id)) return
  standForElection(raft, true)
}

/** Who would be elected the soonest: of the voters that have answered lately, the one with the most of our log. Null: nobody. */
export function likelySuccessor(raft: RaftState): MemberId | null {
  const { officeTicks, heardAt, timing, progress } = raft
  const matchIndex = (id: MemberId) => progress[id]?.matchIndex ?? 0
  const alive = otherVoters(raft).filter((id) => officeTicks - (heardAt[id] ?? -Infinity) < timing.electionTicks)
  return alive.sort((a, b) => matchIndex(b) - matchIndex(a))[0] ?? null
}
