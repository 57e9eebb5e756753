/**
 * What a member is told when it starts, and the times that follow from it.
 */
import type { Clock } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { Disk } from '#kit/raft/disk.ts'
import type { PeerTls } from '#kit/raft/peer-transport.ts'
import type { SnapshotPolicy } from '../wal/replay-after.ts'
import type { AutoCompaction } from './auto-compaction.ts'
import type { ClusterConfiguration } from './cluster.ts'

export interface EngineOptions {
  readonly cluster: ClusterConfiguration
  readonly dataDirectory: string
  readonly listenPeerUrls: readonly string[]
  readonly peerTls?: PeerTls
  readonly heartbeatIntervalMs: number
  readonly electionTimeoutMs: number
  /** Ask before standing for election. */
  readonly preVote: boolean
  readonly snapshots: SnapshotPolicy
  /** Bytes that the store may hold; 0 or less: no limit. */
  readonly quotaBytes: number
  /** Left out: only clients compact. */
  readonly autoCompaction?: AutoCompaction | undefined
  /** Tests have a disk of their own, and less room on it. */
  readonly disk?: Disk
  readonly segmentBytes?: number
  /** Room on the disk that is kept for the alarm that there is none. */
  readonly reserveBytes?: number
  readonly clock: Clock
  readonly log: Log
  /** The disk failed, and with it this member. */
  readonly onFatal: (error: unknown) => void
  /** The cluster has removed this member for good. */
  readonly onRemoved: () => void
}

export interface EngineTiming {
  readonly tickMs: number
  /** So long is a client kept waiting. */
  readonly requestTimeoutMs: number
  readonly heartbeatTicks: number
  readonly electionTicks: number
  readonly firstElectionTicks: number
}

const TICKS_PER_HEARTBEAT = 5
const FIRST_ELECTION_MS = 300

export function timingOf({ heartbeatIntervalMs, electionTimeoutMs }: EngineOptions): EngineTiming {
  const tickMs = heartbeatIntervalMs / TICKS_PER_HEARTBEAT
  const electionTicks = Math.ceil(electionTimeoutMs / tickMs)
  return {
    tickMs,
    // Upstream waits five seconds and two elections; the same, in proportion to the election timeout.
    requestTimeoutMs: 7 * electionTimeoutMs,
    heartbeatTicks: TICKS_PER_HEARTBEAT,
    electionTicks,
    firstElectionTicks: Math.min(electionTicks, Math.ceil(FIRST_ELECTION_MS / tickMs)),
  }
}
