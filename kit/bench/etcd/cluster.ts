/**
 * Three members of one kind, each a process that can be killed: they are not brought back until asked, or the leader's return would be measured instead
 * of its absence.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ClusterDirectory,
  clusterDirectory,
  createDirectories,
  writeJsonFile,
} from '../../cluster/cluster-directory.ts'
import { programFile } from '../../cluster/programs.ts'
import { createEtcdClient } from '../../etcd-api/client.ts'
import { freePort } from '../../etcd-api/real-etcd.ts'
import { repositoryRoot } from '../../labs/catalog.ts'
import type { BenchContext } from '../benchmark.ts'
import { cpuSeconds } from '../process-use.ts'
import { advertised, benchClusterName, type EtcdKind } from '../stand.ts'

export interface EtcdCluster {
  readonly endpoints: readonly string[]
  /** Which of them leads. */
  leader(): Promise<string>
  /** As `kill -9`. */
  kill(endpoint: string): void
  /** Starts those that are dead; resolves when all serve. */
  startAll(): Promise<void>
  /** Processor time of all members together. */
  cpuSeconds(): number | undefined
}

/** Upstream's defaults, and ours: said to both all the same. */
const TIMEOUTS = ['--heartbeat-interval', '100', '--election-timeout', '1000']
const PATIENCE_MS = 30_000

/** @param stand where the bundled programs are */
export async function startCluster(
  context: BenchContext,
  stand: ClusterDirectory,
  kind: EtcdKind,
): Promise<EtcdCluster> {
  const directory = clusterDirectory(benchClusterName(), repositoryRoot)
  const members = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => createMember(name, await freePort(), await freePort())),
  )
  const initialCluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
  createDirectories(directory)
  context.cleanup(() => rmSync(directory.root, { recursive: true, force: true }))
  context.cleanup(() => Promise.all(members.map(({ child }) => killed(child))).then(() => {}))

  const start = (member: Member) => {
    const { name, endpoint, peerUrl } = member
    const flags = [
      ...['--name', `${kind}-${name}`, '--data-dir', join(directory.data, name)],
      ...['--listen-client-urls', endpoint, '--listen-peer-urls', peerUrl],
      ...['--initial-cluster', initialCluster.replace(/(^|,)/g, `$1${kind}-`), ...TIMEOUTS],
    ]
    const log = openSync(directory.logFile(name), 'a')
    const stdio = ['ignore', log, log] as const
    member.child =
      kind === 'real'
        ? spawn('etcd', [...flags, ...advertised(flags)], { stdio: [...stdio] })
        : spawn(process.execPath, ['--enable-source-maps', programFile(stand, 'etcd'), ...flags], { stdio: [...stdio] })
    closeSync(log)
    noteProcesses(directory, members)
  }

  const cluster: EtcdCluster = {
    endpoints: members.map(({ endpoint }) => endpoint),
    async leader() {
      const statuses = await Promise.all(
        members.map(async ({ endpoint }) => ({ endpoint, status: await statusOf(endpoint) })),
      )
      const leading = statuses.find(({ status }) => status.leader === status.header?.memberId)
      if (!leading) throw new Error(`the three members (${kind}) have no leader`)
      return leading.endpoint
    },
    kill: (endpoint) => void members.find((member) => member.endpoint === endpoint)?.child?.kill('SIGKILL'),
    async startAll() {
      for (const member of members) if (!isAlive(member.child)) start(member)
      const deadlineMs = Date.now() + PATIENCE_MS
      for (const { endpoint } of members) await untilServes(context, endpoint, deadlineMs)
    },
    cpuSeconds() {
      const each = members.map(({ child }) => cpuSeconds(child?.pid))
      return each.every((seconds) => seconds !== undefined)
        ? each.reduce((sum, seconds) => sum + seconds, 0)
        : undefined
    },
  }
  await cluster.startAll()
  return cluster
}

interface Member {
  readonly name: string
  readonly endpoint: string
  readonly peerUrl: string
  child?: ChildProcess
}

function createMember(name: string, clientPort: number, peerPort: number): Member {
  return { name, endpoint: `http://127.0.0.1:${clientPort}`, peerUrl: `http://127.0.0.1:${peerPort}` }
}

/** So that the next run finds and ends what this one may leave behind. */
function noteProcesses(directory: ClusterDirectory, members: readonly Member[]): void {
  const components = Object.fromEntries(members.map(({ name, child }) => [name, { pid: child?.pid, restarts: 0 }]))
  writeJsonFile(directory.stateFile, { supervisorPid: process.pid, components })
}

async function statusOf(endpoint: string) {
  const client = createEtcdClient({ endpoints: [endpoint], timeoutMs: 5_000 })
  return client.status().finally(() => client.close())
}

async function untilServes({ signal }: BenchContext, endpoint: string, deadlineMs: number): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const client = createEtcdClient({ endpoints: [endpoint], timeoutMs: 2_000 })
    try {
      return void (await client.range({ key: Buffer.from('x') }))
    } catch (error) {
      if (Date.now() > deadlineMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    } finally {
      client.close()
    }
  }
}

function isAlive(child: ChildProcess | undefined): boolean {
  return child !== undefined && child.exitCode === null && child.signalCode === null
}

async function killed(child: ChildProcess | undefined): Promise<void> {
  if (!child || !isAlive(child)) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}
