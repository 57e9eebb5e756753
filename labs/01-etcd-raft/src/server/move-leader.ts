/**
 * Handing leadership over as an operator wishes it, or because this member is about to stop.
 *
 * Raft does it; here is only the waiting, and the words for what may go wrong.
 * Source: etcd `server/etcdserver/server.go` `MoveLeader`, `TransferLeadership`; `api/v3rpc/maintenance.go`.
 */
import type { Clock } from '#kit/contracts/clock.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { MemberId } from '#kit/raft/messages.ts'
import { unlessUnwritten } from '../raft/optional-steps.ts'

/** What leading means, seen from outside of Raft. */
export interface Office {
  readonly selfId: MemberId
  leader(): MemberId | null
  /** Begins to hand over; false when that member cannot lead. */
  handOverTo(to: MemberId): boolean
  /** Who would take over the soonest; null when there is nobody. */
  likelySuccessor(): MemberId | null
  isConnected(id: MemberId): boolean
  readonly clock: Clock
  /** How often to look whether it is done. */
  readonly pollMs: number
  /** Raft gives a transfer up after an election timeout; then there is nothing more to wait for. */
  readonly timeoutMs: number
}

/** Resolves when `to` leads. */
export async function moveLeader(office: Office, to: MemberId): Promise<void> {
  if (office.leader() !== office.selfId) throw etcdErrors.notLeader()
  if (to === office.selfId) return
  if (!office.handOverTo(to)) throw etcdErrors.badLeaderTransferee()
  const isDone = await holdsInTime(office, () => office.leader() === to)
  if (!isDone) throw etcdErrors.leaderTransferTimedOut()
}

/** Before this member stops: if it leads, somebody else had better. It stops in any case. */
export async function leaveOffice(office: Office): Promise<void> {
  const { selfId } = office
  const successor = office.leader() === selfId ? office.likelySuccessor() : null
  if (successor === null || !unlessUnwritten(() => office.handOverTo(successor), false)) return
  const isOver = () => ![null, selfId].includes(office.leader())
  await holdsInTime(office, () => isOver() || !office.isConnected(successor))
}

async function holdsInTime({ clock, pollMs, timeoutMs }: Office, condition: () => boolean): Promise<boolean> {
  const untilMs = clock.now() + timeoutMs
  while (!condition()) {
    if (clock.now() >= untilMs) return false
    await new Promise<void>((resolve) => {
      clock.setTimer(pollMs, resolve)
    })
  }
  return true
}
