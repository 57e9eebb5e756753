/**
 * Handing leadership over.
 *
 * Source: Ongaro's thesis §3.10.
 */
import type { MemberId } from '#kit/raft/messages.ts'
import type { RaftState } from './state.ts'

export function transferLeadership(_raft: RaftState, _to: MemberId): boolean {
  return false
}

export function handleTimeoutNow(_raft: RaftState): void {}
