/**
 * Which of Raft's features this member runs with.
 *
 * Step 1.11 is optional. While a part of it is not written, the member does without the feature that needs it, and says so. To find out, each part
 * is tried on a member that exists for this only.
 */
import type { Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { hasLostQuorum, hearsFromLeader, isDisturbance } from '../raft/check-quorum.ts'
import { createRaftState } from '../raft/create-state.ts'
import { becomePreCandidate, concludePreVote, decidePreVote } from '../raft/pre-vote.ts'
import type { RaftFeatures, RaftState } from '../raft/state.ts'

type Part = (raft: RaftState) => unknown

const LOG_END = { lastLogIndex: 0, lastLogTerm: 0 }
const QUESTION = { type: 'PreVoteRequest', from: 'b', to: 'a', term: 0, ...LOG_END } as const
const FAITH: readonly Part[] = [hearsFromLeader, (raft) => isDisturbance(raft, QUESTION)]
const PARTS = {
  preVote: [
    becomePreCandidate,
    () => decidePreVote({ hearsFromLeader: false, ...LOG_END }, LOG_END),
    concludePreVote,
    ...FAITH,
  ],
  checkQuorum: [hasLostQuorum, ...FAITH],
} as const satisfies Record<string, readonly Part[]>
const NAMES = { preVote: 'pre-vote', checkQuorum: 'check-quorum' } as const

/** Check-quorum is always wanted, as upstream; lease reads never, since they trust in clocks. */
export function raftFeatures(wanted: { readonly preVote: boolean }, log: Log): RaftFeatures {
  return {
    preVote: wanted.preVote && isWritten('preVote', log),
    checkQuorum: isWritten('checkQuorum', log),
    leaseReads: false,
  }
}

function isWritten(feature: keyof typeof PARTS, log: Log): boolean {
  for (const part of PARTS[feature]) {
    try {
      part(createRaftState({ id: 'a', voters: ['a', 'b', 'c'], seed: 1 }))
    } catch (error) {
      // A part that is there and fails is no missing part: the member runs with it, and its failure shows.
      if (!isNotImplemented(error)) continue
      log.warn(`runs without ${NAMES[feature]}: ${error.message}`)
      return false
    }
  }
  return true
}
