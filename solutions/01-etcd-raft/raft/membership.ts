/**
 * Changing the members of a running cluster, one at a time.
 *
 * Source: Ongaro's thesis §4.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { MembershipChange } from '#kit/raft/messages.ts'
import type { RaftState } from './state.ts'

export function proposeChange(_raft: RaftState, _change: MembershipChange, _data: ByteString): boolean {
  return false
}
