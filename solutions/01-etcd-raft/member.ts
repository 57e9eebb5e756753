/**
 * The composition root: one etcd member, from its options to a running server.
 */
import { readFile } from 'node:fs/promises'
import { type Clock, systemClock } from '#kit/contracts/clock.ts'
import { createLog, type Log } from '#kit/contracts/log.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { parseCluster } from './server/cluster.ts'
import { Engine } from './server/engine.ts'
import { startGrpcServer } from './server/grpc-server.ts'

export interface MemberOptions {
  readonly name: string
  readonly dataDirectory: string
  readonly listenClientUrls: readonly string[]
  readonly listenPeerUrls: readonly string[]
  /** `a=http://127.0.0.1:2380,b=…`; this member included. */
  readonly initialCluster: string
  /** Paths of PEM files. Needed for https URLs. */
  readonly clientTls?: { readonly certFile: string; readonly keyFile: string; readonly trustedCaFile?: string }
  readonly peerTls?: { readonly certFile: string; readonly keyFile: string; readonly trustedCaFile: string }
  readonly heartbeatIntervalMs?: number
  readonly electionTimeoutMs?: number
  readonly clock?: Clock
  readonly log?: Log
  /** What to do when the disk fails; a process ends itself. */
  readonly onFatal?: (error: unknown) => void
}

export async function startMember(options: MemberOptions): Promise<RunningComponent> {
  const clock = options.clock ?? systemClock
  const log = options.log ?? createLog(`etcd ${options.name}`)
  const electionTimeoutMs = options.electionTimeoutMs ?? 1000
  const heartbeatIntervalMs = options.heartbeatIntervalMs ?? 100
  if (electionTimeoutMs < 5 * heartbeatIntervalMs) {
    throw new Error('--election-timeout must be at least five times --heartbeat-interval')
  }
  const cluster = parseCluster(options.name, options.initialCluster)
  const peerTls = options.peerTls && (await readPems(options.peerTls))
  const clientTls = options.clientTls && (await readPems(options.clientTls))
  const engine = await Engine.start({
    cluster,
    dataDirectory: options.dataDirectory,
    listenPeerUrls: options.listenPeerUrls,
    ...(peerTls && { peerTls: { cert: peerTls.cert, key: peerTls.key, ca: peerTls.ca! } }),
    heartbeatIntervalMs,
    electionTimeoutMs,
    clock,
    log,
    onFatal: options.onFatal ?? (() => {}),
  })
  const server = await startGrpcServer({
    engine,
    cluster,
    listenClientUrls: options.listenClientUrls,
    ...(clientTls && {
      tls: { cert: clientTls.cert, key: clientTls.key, ...(clientTls.ca && { clientCa: clientTls.ca }) },
    }),
    minLeaseTtlSeconds: Math.ceil((1.5 * electionTimeoutMs) / 1000),
    clock,
    log,
  }).catch(async (error) => {
    await engine.stop()
    throw error
  })
  log.info(`member ${options.name} serves clients on ${options.listenClientUrls.join(', ')}`)
  publish(engine, { ID: cluster.self.id, name: options.name, clientURLs: options.listenClientUrls }, log)
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

async function readPems(files: { certFile: string; keyFile: string; trustedCaFile?: string }) {
  const [cert, key, ca] = await Promise.all([
    readFile(files.certFile),
    readFile(files.keyFile),
    files.trustedCaFile === undefined ? undefined : readFile(files.trustedCaFile),
  ])
  return { cert, key, ca }
}
