/**
 * How a Raft member begins: from what it is told, and from what its disk held.
 *
 * Only term, vote, log and snapshot survive a restart; all else is learnt anew, as if the member had never led or followed anyone.
 * Source: Raft figure 2, "State", "Persistent state on all servers".
 */
import type { Entry, HardState, MemberId, SnapshotMetadata } from '#kit/raft/messages.ts'
import { emptyLog, lastIndex } from './log.ts'
import { drawElectionTimeout, type RaftFeatures, type RaftState, type RaftTiming } from './state.ts'

export interface RaftOptions {
  readonly id: MemberId
  readonly voters: readonly MemberId[]
  readonly learners?: readonly MemberId[]
  readonly timing?: Partial<RaftTiming>
  /** All off unless named. */
  readonly features?: Partial<RaftFeatures>
  /** A megabyte, unless given. */
  readonly messageBytes?: number
  /** Makes the election timeouts of this run. Members must have different ones. */
  readonly seed: number
  /** What the disk held when the member started. */
  readonly hardState?: HardState
  /** With it, its members replace `voters` and `learners`, and `entries` begin after its index. */
  readonly snapshot?: SnapshotMetadata
  readonly entries?: readonly Entry[]
}

export function createRaftState(options: RaftOptions): RaftState {
  const electionTicks = options.timing?.electionTicks ?? 10
  const hardState = options.hardState ?? { term: 0, votedFor: null, commitIndex: 0 }
  const snapshot = options.snapshot ?? null
  const features = { preVote: false, checkQuorum: false, leaseReads: false, ...options.features }
  if (features.leaseReads && !features.checkQuorum) throw new Error('lease reads are wrong without check-quorum')
  const log = emptyLog(snapshot?.index, snapshot?.term)
  log.entries = [...(options.entries ?? [])]
  const raft: RaftState = {
    id: options.id,
    voters: snapshot?.voters ?? options.voters,
    learners: snapshot?.learners ?? options.learners ?? [],
    features,
    messageBytes: options.messageBytes ?? 1 << 20,
    timing: { heartbeatTicks: 1, firstElectionTicks: electionTicks, ...options.timing, electionTicks },
    term: hardState.term,
    votedFor: hardState.votedFor,
    log,
    snapshot,
    role: 'follower',
    leader: null,
    commitIndex: Math.max(hardState.commitIndex, snapshot?.index ?? 0),
    appliedIndex: snapshot?.index ?? 0,
    appliedTerm: snapshot?.term ?? 0,
    stableIndex: lastIndex(log),
    persisted: hardState,
    votes: {},
    progress: {},
    receivedSnapshot: null,
    officeTicks: 0,
    heardAt: {},
    leaseRounds: [],
    transferee: null,
    transferElapsed: 0,
    hasOfferedOffice: false,
    deferredCommands: [],
    pendingChangeIndex: 0,
    electionElapsed: 0,
    electionTimeout: 0,
    heartbeatElapsed: 0,
    knowsCluster: false,
    // Before it restarted, it may have heard from a leader who counts on that. A member that was never there has not.
    abstainTicks: features.leaseReads && hardState.term > 0 ? electionTicks : 0,
    mustAnnounce: false,
    progressChanged: false,
    readRound: 0,
    pendingReads: [],
    earlyReads: [],
    confirmedReads: [],
    outbox: [],
    randomState: options.seed >>> 0,
  }
  raft.electionTimeout = drawElectionTimeout(raft)
  return raft
}
