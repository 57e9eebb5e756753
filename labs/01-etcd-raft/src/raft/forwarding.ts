/**
 * Commands that members pass on to their leader.
 *
 * Whoever passes a command on does so once, and then only waits: were it handed over twice, it might be carried out twice. So a member that gets one
 * and does not lead (any more) does not drop it. It keeps it until it is clear who leads, and passes it on.
 * Source: Ongaro's thesis §6.2; etcd-io/raft `stepFollower`, `MsgProp`.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { appendAsLeader } from './replication.ts'
import { type RaftState, send } from './state.ts'

/** A member passed these on, in whichever term: a command belongs to none before a leader appends it. */
export function takeForwarded(raft: RaftState, commands: readonly ByteString[]): void {
  raft.deferredCommands.push(...commands)
  if (canRelease(raft)) release(raft)
}

/** Whether there is something to hand over, and it is clear to whom: a leader who is about to leave does not count. */
export function canRelease({ deferredCommands, role, transferee, leader }: RaftState): boolean {
  if (deferredCommands.length === 0) return false
  return role === 'leader' ? transferee === null : leader !== null
}

export function release(raft: RaftState): void {
  const commands = raft.deferredCommands
  raft.deferredCommands = []
  if (raft.role === 'leader') appendAsLeader(raft, commands)
  else send(raft, { type: 'ProposeRequest', to: raft.leader!, commands })
}
