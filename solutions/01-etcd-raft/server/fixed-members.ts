/**
 * Whether this member can take part in changes of the members at all.
 *
 * Step 1.13 is optional. While a part of it is not written, the members stay who they are: a change that only some of its members could carry out would
 * part the cluster. To find out, each part is tried on a member that exists for this only.
 */
import { isNotImplemented, type NotImplemented } from '#kit/contracts/not-implemented.ts'
import { createRaftState } from '../raft/create-state.ts'
import {
  applyChange,
  expectUnfinishedChange,
  hasCaughtUp,
  mayCampaign,
  mayChangeMembers,
  membersAfter,
  proposeChange,
} from '../raft/membership.ts'
import type { RaftState } from '../raft/state.ts'

const CHANGE = { kind: 'AddLearner', member: 'd' } as const
const PARTS: readonly ((raft: RaftState) => unknown)[] = [
  (raft) => membersAfter(raft, CHANGE),
  mayChangeMembers,
  (raft) => proposeChange(raft, CHANGE, ''),
  expectUnfinishedChange,
  (raft) => applyChange(raft, CHANGE),
  mayCampaign,
  (raft) => hasCaughtUp(raft, 'd'),
]

/** The first part that is not written; undefined when all are. */
export function missingMembershipPart(): NotImplemented | undefined {
  for (const part of PARTS) {
    try {
      part(createRaftState({ id: 'a', voters: ['a', 'b', 'c'], seed: 1 }))
    } catch (error) {
      // A part that is there and fails is no missing part: its failure shows when it is needed.
      if (isNotImplemented(error)) return error
    }
  }
  return undefined
}
