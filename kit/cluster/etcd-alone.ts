/**
 * An etcd cluster of our own and nothing else: so many members as processes on this machine, clients on ports that follow from the first one.
 *
 * Member i (from 0) serves clients on `clientPort + 10·i` and its peers on the port after that. Its data, log and the bundled program lie under one
 * directory; a second start there goes on with what the first one left. A member that dies is started again, and that is said: to see how a
 * cluster bears it is half the fun.
 */
import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createEtcdClient, type EtcdClient } from '../etcd-api/client.ts'
import { readJsonFile, writeJsonFile } from './cluster-directory.ts'
import type { Component } from './components.ts'
import { logEnd, type MissingPart, missingPartsIn, readLogSince } from './missing-parts.ts'
import { bundle } from './programs.ts'
import { startSupervisor } from './supervisor.ts'

export interface EtcdAloneOptions {
  readonly dataDirectory: string
  /** How many; left out: as many as there were, or three. */
  readonly members?: number | undefined
  /** Of the first member; left out: as before, or 2379. */
  readonly clientPort?: number | undefined
  /** Paths of PEM files: with them, clients are served over TLS. */
  readonly clientTls?: CertificateFiles | undefined
  readonly peerTls?: Required<CertificateFiles> | undefined
  /** The learner's labs, as `--mine` has them. */
  readonly mine?: string | undefined
  /** A member has ended by itself, and is started again. */
  readonly onDeath: (member: AloneMember, how: string) => void
}

export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
  readonly trustedCaFile?: string
}

export interface AloneMember {
  readonly name: string
  readonly clientUrl: string
  readonly peerUrl: string
  readonly dataDirectory: string
  readonly logFile: string
}

export interface EtcdAlone {
  readonly members: readonly AloneMember[]
  /** False when `limitMs` is over before every member knows a leader. */
  waitUntilReady(limitMs: number, signal: AbortSignal): Promise<boolean>
  /** What keeps a learner's members from working. */
  missingParts(): MissingPart[]
  stop(): Promise<void>
}

/** What a directory was founded with: ports and number cannot change afterwards. */
interface Founded {
  readonly members: number
  readonly clientPort: number
}

const DEFAULTS: Founded = { members: 3, clientPort: 2379 }

/** Throws, for people to read, when the ports are taken or the directory holds another cluster. */
export async function startEtcdAlone(options: EtcdAloneOptions): Promise<EtcdAlone> {
  const founded = foundedAs(options)
  const members = membersOf(founded, options)
  for (const { clientUrl, peerUrl } of members) await checkPorts([clientUrl, peerUrl])
  const at = (...path: string[]) => join(options.dataDirectory, ...path)
  mkdirSync(at('logs'), { recursive: true, mode: 0o700 })
  writeJsonFile(at('founded.json'), founded)
  await bundle({ programs: ['etcd'], directory: at('programs'), mine: options.mine })
  const logStarts = new Map(members.map(({ logFile }) => [logFile, logEnd(logFile)]))
  const supervisor = startSupervisor({
    directory: { stateFile: at('state.json'), logFile: (name) => at('logs', `${name}.log`) },
    components: members.map((member) => componentOf(member, members, options)),
    commandFor: () => [process.execPath, '--enable-source-maps', at('programs', 'etcd.mjs')],
    about: { runtime: 'fake', ...(options.mine !== undefined && { mine: options.mine }) },
    onExit: (name, how) => options.onDeath(members.find((member) => member.name === name)!, how),
  })
  const client = await clientOf(members, options)
  return {
    members,
    async waitUntilReady(limitMs, signal) {
      const deadline = Date.now() + limitMs
      for (const { clientUrl } of members) {
        while (!(await knowsLeader(client, clientUrl))) {
          if (Date.now() > deadline || signal.aborted) return false
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
      }
      return true
    },
    missingParts: () =>
      members.flatMap(({ name, logFile }) => missingPartsIn(name, readLogSince(logFile, logStarts.get(logFile) ?? 0))),
    async stop() {
      client.close()
      await supervisor.stop()
    },
  }
}

function foundedAs({ dataDirectory, members, clientPort }: EtcdAloneOptions): Founded {
  const before = readJsonFile<Founded>(join(dataDirectory, 'founded.json'))
  const now = {
    members: members ?? before?.members ?? DEFAULTS.members,
    clientPort: clientPort ?? before?.clientPort ?? DEFAULTS.clientPort,
  }
  if (!before || (now.members === before.members && now.clientPort === before.clientPort)) return now
  throw new Error(
    `${dataDirectory} holds a cluster of ${before.members} with --client-port ${before.clientPort}, and remembers that. ` +
      `Start it so, choose another --data-dir, or remove this one.`,
  )
}

function membersOf(
  { members, clientPort }: Founded,
  { dataDirectory, clientTls, peerTls }: EtcdAloneOptions,
): AloneMember[] {
  return Array.from({ length: members }, (_, place) => {
    const name = `etcd-${place + 1}`
    const port = clientPort + 10 * place
    return {
      name,
      clientUrl: `${clientTls ? 'https' : 'http'}://127.0.0.1:${port}`,
      peerUrl: `${peerTls ? 'https' : 'http'}://127.0.0.1:${port + 1}`,
      dataDirectory: join(dataDirectory, name),
      logFile: join(dataDirectory, 'logs', `${name}.log`),
    }
  })
}

function componentOf(member: AloneMember, members: readonly AloneMember[], options: EtcdAloneOptions): Component {
  const { clientTls, peerTls } = options
  return {
    name: member.name,
    program: 'etcd',
    args: [
      ...['--name', member.name, '--data-dir', member.dataDirectory],
      ...['--listen-client-urls', member.clientUrl, '--listen-peer-urls', member.peerUrl],
      ...['--initial-cluster', members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')],
      ...(clientTls ? ['--cert-file', clientTls.certFile, '--key-file', clientTls.keyFile] : []),
      ...(clientTls?.trustedCaFile ? ['--trusted-ca-file', clientTls.trustedCaFile, '--client-cert-auth'] : []),
      ...(peerTls ? ['--peer-cert-file', peerTls.certFile, '--peer-key-file', peerTls.keyFile] : []),
      ...(peerTls ? ['--peer-trusted-ca-file', peerTls.trustedCaFile] : []),
    ],
  }
}

async function checkPorts(urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    const { hostname, port } = new URL(url)
    const server = createServer()
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve)
      server.listen(Number(port), hostname, () => resolve(undefined))
    })
    await new Promise((resolve) => server.close(resolve))
    if (error?.code === 'EADDRINUSE') {
      throw new Error(`port ${port} is taken. Is an etcd running already? Choose others with --client-port.`)
    }
    if (error) throw new Error(`cannot listen on port ${port}: ${error.message}`)
  }
}

/** Shows the members' own certificate, which clients' authority may not have signed: it is only asked how they are. */
async function clientOf(members: readonly AloneMember[], { clientTls }: EtcdAloneOptions): Promise<EtcdClient> {
  const endpoints = members.map(({ clientUrl }) => clientUrl)
  if (!clientTls) return createEtcdClient({ endpoints, timeoutMs: 1000 })
  const { certFile, keyFile, trustedCaFile = certFile } = clientTls
  const [cert, key, ca] = await Promise.all([readFile(certFile), readFile(keyFile), readFile(trustedCaFile)])
  return createEtcdClient({ endpoints, timeoutMs: 1000, tls: { cert, key, ca } })
}

async function knowsLeader(client: EtcdClient, endpoint: string): Promise<boolean> {
  const status = await client.status(endpoint).catch(() => undefined)
  return status !== undefined && status.leader !== '0'
}
