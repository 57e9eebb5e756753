/**
 * A control plane of ours in this process, its state in memory, with two nodes that only pretend: what the commands are given to.
 *
 * Whoever brings the token "admin" is the cluster's administrator.
 */
import { generateKeyPairSync } from 'node:crypto'
import { startApiServer } from '#apiserver/server.ts'
import { startControllerManager } from '#controllers/controller-manager.ts'
import { startScheduler } from '#scheduler/scheduler.ts'
import { resources } from '../api/resources.ts'
import { UsageError } from '../cli/usage-error.ts'
import { createApiClient } from '../client/api-client.ts'
import { type CertificateAndKey, createAuthority } from '../cluster/pki.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import type { UserInfo } from '../contracts/apiserver.ts'
import type { Log } from '../contracts/log.ts'
import { createSimEtcdStore, type SimEtcdStore } from '../sim/etcd-store.ts'
import { startHollowNode } from './hollow-node.ts'
import { type RecordingProxy, startRecordingProxy } from './recording-proxy.ts'

export interface CompatCluster {
  /** The API server, with somebody listening in. */
  readonly proxy: RecordingProxy
  readonly certificateAuthority: string
  /** Somebody's certificate and key, for commands that want files. */
  readonly certificate: string
  readonly privateKey: string
  /** Resolves when nobody has written anything for a moment. */
  quiet(): Promise<void>
  stop(): Promise<void>
}

const USERS: Readonly<Record<string, UserInfo>> = {
  admin: { name: 'admin', uid: '1', groups: ['system:masters'] },
  'kube-controller-manager': { name: 'system:kube-controller-manager', groups: [] },
  'kube-scheduler': { name: 'system:kube-scheduler', groups: [] },
  'hollow-1': { name: 'system:node:hollow-1', groups: ['system:nodes'] },
  'hollow-2': { name: 'system:node:hollow-2', groups: ['system:nodes'] },
}

const QUIET_MS = 400
const QUIET_PATIENCE_MS = 6_000
const POLL_MS = 20
const READY_PATIENCE_MS = 30_000

export async function startCompatCluster(log: Log): Promise<CompatCluster> {
  const parts: Part[] = []
  const stop = async () => {
    for (const part of parts.reverse()) await part.stop()
  }
  try {
    return { ...(await startParts(parts, log)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @param parts gets whatever runs, in the order in which it began. */
async function startParts(parts: Part[], log: Log): Promise<Omit<CompatCluster, 'stop'>> {
  const running = <T extends Part>(part: T): T => {
    parts.push(part)
    return part
  }
  const authority = await createAuthority()
  const serving = await authority.issue({ commonName: 'kube-apiserver', usages: ['server'], ips: ['127.0.0.1'] })
  const store = createSimEtcdStore()
  const server = running(await startServer(store, authority.cert, serving, log))
  const clientOf = (token: string, userAgent = token) => {
    const connection = { server: `https://127.0.0.1:${server.port}`, certificateAuthority: authority.cert, token }
    const client = createApiClient(connection, userAgent)
    running({ stop: () => client.close() })
    return client
  }
  const admin = clientOf('admin')
  await until(() => exists(admin, 'kube-system'))
  for (const ordinal of [1, 2]) {
    running(await startHollowNode(ordinal, clientOf(`hollow-${ordinal}`, 'hollow-kubelet'), log))
  }
  const manager = clientOf('kube-controller-manager')
  running(await startControllerManager({ client: manager, log, rootCertificateAuthority: authority.cert }))
  // Between nodes that are equally good there is no chance here: what is on which node decides what later commands meet.
  running(await startScheduler({ client: clientOf('kube-scheduler'), log, random: () => 0 }))
  const keys = { certificateAuthority: authority.cert, certificate: serving.cert, privateKey: serving.key }
  const proxy = running(await startRecordingProxy({ target: server.port, ...keys }))
  await quiet(store)
  return { proxy, ...keys, quiet: () => quiet(store) }
}

interface Part {
  stop(): unknown
}

function startServer(store: SimEtcdStore, authority: string, serving: CertificateAndKey, log: Log) {
  return startApiServer({
    etcd: store,
    bindAddresses: ['127.0.0.1'],
    port: 0,
    advertiseAddress: '127.0.0.1',
    serviceClusterIpRange: '10.96.0.0/16',
    tls: { certificate: serving.cert, privateKey: serving.key, clientCertificateAuthority: authority },
    kubelet: { certificateAuthority: authority, clientCertificate: serving.cert, clientPrivateKey: serving.key },
    tokens: new Map(Object.entries(USERS)),
    accountTokens: { issuer: 'https://kubernetes.default.svc', signingKey: newSigningKey() },
    log,
  })
}

async function quiet(store: SimEtcdStore): Promise<void> {
  const deadline = Date.now() + QUIET_PATIENCE_MS
  let [revision, since] = [store.revision, Date.now()]
  while (Date.now() - since < QUIET_MS && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    if (store.revision !== revision) [revision, since] = [store.revision, Date.now()]
  }
}

function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

async function exists(client: ApiClient, namespace: string): Promise<boolean> {
  return client.get(resources.namespaces, { name: namespace }).then(
    () => true,
    () => false,
  )
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READY_PATIENCE_MS
  while (!(await holds())) {
    if (Date.now() > deadline) {
      throw new UsageError('The API server did not become ready. npm run lab 2 says what it still lacks.')
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
