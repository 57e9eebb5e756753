/**
 * What a simulation is made of: how many members, which code they run, and what goes wrong.
 */
import type { Entry, HardState, MemberId, RaftCore, SnapshotMetadata } from '../../raft/messages.ts'
import { CALM_NETWORK, type NetworkFaults } from './network.ts'
import type { SimulatedMachine } from './state-machine.ts'

export interface SimulatorOptions {
  readonly members: number
  readonly seed: number
  /** The code under test. */
  readonly create: (start: SimulatedStart) => RaftCore
  readonly faults?: Partial<Faults>
  readonly features?: SimulatedFeatures
  readonly timing?: SimulatedTiming
  /** How much a leader puts into one message; small ones show what happens between two. */
  readonly messageBytes?: number
  /** Without it, logs grow for ever. */
  readonly compaction?: Compaction
  /** What members apply commands to; a list of the commands unless given. */
  readonly machine?: () => SimulatedMachine
  /** How many of the last events to keep for a trace; all unless given. */
  readonly keepEvents?: number
}

/** What a simulated member is started with: all it finds on its disk. */
export interface SimulatedStart {
  readonly id: MemberId
  readonly voters: readonly MemberId[]
  readonly timing: SimulatedTiming
  readonly features?: SimulatedFeatures
  readonly messageBytes?: number
  readonly seed: number
  readonly hardState?: HardState
  readonly snapshot?: SnapshotMetadata
  readonly entries?: readonly Entry[]
}

export interface SimulatedTiming {
  readonly heartbeatTicks: number
  readonly electionTicks: number
}

/** What goes beyond the paper's core; all off unless named. */
export interface SimulatedFeatures {
  readonly preVote?: boolean
  readonly checkQuorum?: boolean
  readonly leaseReads?: boolean
}

/** When members replace the beginning of their logs by a snapshot. */
export interface Compaction {
  /** After this many applied entries. */
  readonly everyEntries: number
  /** So many entries before the snapshot stay, for followers that are only a little behind. */
  readonly keepEntries: number
}

export interface Faults extends NetworkFaults {
  /** Probability, per `Ready`, that the member crashes in the middle of it. */
  readonly crash: number
  /** A sync takes up to so many milliseconds, during which the member takes further messages. */
  readonly maxSyncMs: number
}

export const CALM: Faults = { ...CALM_NETWORK, crash: 0, maxSyncMs: 0 }

/** A member's clock, when it goes right. */
export const TICK_MS = 10
export const TIMING: SimulatedTiming = { heartbeatTicks: 2, electionTicks: 10 }
