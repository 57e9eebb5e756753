/**
 * The composition root: one etcd member, from its options to a running server.
 */
import { readFile } from 'node:fs/promises'
import { type Clock, systemClock } from '#kit/contracts/clock.ts'
import { createLog, type Log } from '#kit/contracts/log.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import type { AutoCompaction } from './server/auto-compaction.ts'
import { DEFAULT_TOKEN } from './server/cluster.ts'
import { Engine } from './server/engine.ts'
import { enterCluster, markRemoved, REMOVED } from './server/founding.ts'
import { startGrpcServer } from './server/grpc-server.ts'
import { beginWithSnapshot } from './server/initial-snapshot.ts'
import { DEFAULT_QUOTA_BYTES } from './server/space.ts'
import type { SnapshotPolicy } from './wal/replay-after.ts'

const WATCH_PROGRESS_INTERVAL_MS = 600_000

export interface MemberOptions {
  readonly name: string
  readonly dataDirectory: string
  readonly listenClientUrls: readonly string[]
  readonly listenPeerUrls: readonly string[]
  /** `a=http://127.0.0.1:2380,b=…`; this member included. Counts only for the first start. */
  readonly initialCluster: string
  /** `existing`: the cluster is there, and has added this member. */
  readonly initialClusterState?: 'new' | 'existing'
  /** Keeps clusters apart that are founded with the same URLs. */
  readonly initialClusterToken?: string
  /** A file of `etcdctl snapshot save` with which a new cluster begins; the same for all founders. Counts only for the first start. */
  readonly initialSnapshot?: string
  /** Where clients are told to go, if not to `listenClientUrls`. */
  readonly advertiseClientUrls?: readonly string[]
  /** Paths of PEM files. Needed for https URLs. */
  readonly clientTls?: { readonly certFile: string; readonly keyFile: string; readonly trustedCaFile?: string }
  readonly peerTls?: { readonly certFile: string; readonly keyFile: string; readonly trustedCaFile: string }
  readonly heartbeatIntervalMs?: number
  readonly electionTimeoutMs?: number
  /** How often watches that ask for it are told how far they are, while nothing happens. */
  readonly watchProgressIntervalMs?: number
  /** Ask before standing for election; on unless given. */
  readonly preVote?: boolean
  /** A snapshot is taken after so many entries. Upstream's `--snapshot-count`. */
  readonly snapshotCount?: number
  /** So many entries before a snapshot stay in memory, for followers that are a little behind. */
  readonly snapshotCatchUpEntries?: number
  /** Bytes that the store may hold before the cluster refuses to grow; 0: upstream's default, less: no limit. */
  readonly quotaBackendBytes?: number
  /** Which history to give up without being asked; left out: none. */
  readonly autoCompaction?: AutoCompaction | undefined
  readonly clock?: Clock
  readonly log?: Log
  /** What to do when the disk fails; a process ends itself. */
  readonly onFatal?: (error: unknown) => void
  /** What to do once the cluster has removed this member for good; a process ends itself. */
  readonly onRemoved?: () => void
}

const LAST_WORDS_MS = 1000
const SNAPSHOT_COUNT = 10_000
const CATCH_UP_ENTRIES = 5_000

export async function startMember(options: MemberOptions): Promise<RunningComponent> {
  const clock = options.clock ?? systemClock
  const log = options.log ?? createLog(`etcd ${options.name}`)
  const electionTimeoutMs = options.electionTimeoutMs ?? 1000
  const heartbeatIntervalMs = options.heartbeatIntervalMs ?? 100
  if (electionTimeoutMs < 5 * heartbeatIntervalMs) {
    throw new Error('--election-timeout must be at least five times --heartbeat-interval')
  }
  const peerTls = options.peerTls && (await readPems(options.peerTls))
  const cluster = await enterCluster(
    options.dataDirectory,
    {
      name: options.name,
      initialCluster: options.initialCluster,
      initialClusterState: options.initialClusterState ?? 'new',
      initialClusterToken: options.initialClusterToken ?? DEFAULT_TOKEN,
    },
    peerTls && { cert: peerTls.cert, key: peerTls.key, ca: peerTls.ca! },
  )
  if (options.initialSnapshot !== undefined) {
    await beginWithSnapshot({ file: options.initialSnapshot, cluster, dataDirectory: options.dataDirectory, log })
  }
  const clientTls = options.clientTls && (await readPems(options.clientTls))
  const engine = await Engine.start({
    cluster,
    dataDirectory: options.dataDirectory,
    listenPeerUrls: options.listenPeerUrls,
    ...(peerTls && { peerTls: { cert: peerTls.cert, key: peerTls.key, ca: peerTls.ca! } }),
    heartbeatIntervalMs,
    electionTimeoutMs,
    preVote: options.preVote ?? true,
    snapshots: snapshotPolicy(options),
    quotaBytes: options.quotaBackendBytes || DEFAULT_QUOTA_BYTES,
    autoCompaction: options.autoCompaction,
    clock,
    log,
    onFatal: options.onFatal ?? (() => {}),
    onRemoved: () => {
      log.warn(REMOVED)
      void markRemoved(options.dataDirectory).then(() => {
        // Whoever asked for it is still to hear the answer, and the other members that it is decided.
        clock.setTimer(LAST_WORDS_MS, () => options.onRemoved?.())
      })
    },
  })
  const server = await startGrpcServer({
    engine,
    listenClientUrls: options.listenClientUrls,
    ...(clientTls && {
      tls: { cert: clientTls.cert, key: clientTls.key, ...(clientTls.ca && { clientCa: clientTls.ca }) },
    }),
    watchProgressIntervalMs: options.watchProgressIntervalMs ?? WATCH_PROGRESS_INTERVAL_MS,
    minLeaseTtlSeconds: Math.ceil((1.5 * electionTimeoutMs) / 1000),
    clock,
    log,
  }).catch(async (error) => {
    await engine.stop()
    throw error
  })
  log.info(`member ${options.name} serves clients on ${options.listenClientUrls.join(', ')}`)
  const clientURLs = options.advertiseClientUrls ?? options.listenClientUrls
  publish(engine, { ID: cluster.self.id, name: cluster.self.name, clientURLs }, log)
  return {
    async stop() {
      await server.stop()
      await engine.stop()
    },
  }
}

/** Tells the cluster our client URLs, trying until there is a leader, or until we stop. */
function publish(engine: Engine, attributes: { ID: string; name: string; clientURLs: readonly string[] }, log: Log) {
  engine.propose({ publish: attributes }).catch((error) => {
    if (error?.message === 'etcdserver: request timed out') publish(engine, attributes, log)
  })
}

/** Fewer entries than lie between two snapshots are enough for those who lag. */
function snapshotPolicy({ snapshotCount = SNAPSHOT_COUNT, snapshotCatchUpEntries }: MemberOptions): SnapshotPolicy {
  const catchUpEntries = snapshotCatchUpEntries ?? Math.min(CATCH_UP_ENTRIES, Math.floor(snapshotCount / 2))
  return { snapshotCount, catchUpEntries }
}

async function readPems(files: { certFile: string; keyFile: string; trustedCaFile?: string }) {
  const [cert, key, ca] = await Promise.all([
    readFile(files.certFile),
    readFile(files.keyFile),
    files.trustedCaFile === undefined ? undefined : readFile(files.trustedCaFile),
  ])
  return { cert, key, ca }
}
