/**
 * Runs etcd members as processes of their own, for tests that kill them: each with its directory and ports, on loopback.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importConditions } from '../cli/import-conditions.ts'
import { freePort } from '../etcd-api/real-etcd.ts'

const PROGRAM = fileURLToPath(new URL('./processes/etcd.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface EtcdProcesses {
  readonly names: readonly string[]
  /** `127.0.0.1:port` of one member, or of all. */
  endpoint(name: string): string
  readonly endpoints: readonly string[]
  /** Where the other members reach one. */
  peerAddress(name: string): { readonly host: string; readonly port: number }
  start(name: string): void
  /** As `kill -9`. */
  kill(name: string): Promise<void>
  signal(name: string, signal: NodeJS.Signals): void
  /** What a member has said on standard error. */
  output(name: string): string
  /** Resolves with its exit code when a member's process has ended by itself. */
  exited(name: string): Promise<number | null>
  dataDirectory(name: string): string
  /** Kills all members and removes their data. */
  stop(): Promise<void>
}

export interface EtcdProcessesOptions {
  readonly members: number
  readonly heartbeatIntervalMs?: number
  readonly electionTimeoutMs?: number
  /** More flags for every member, such as certificates. */
  readonly flags?: readonly string[]
  readonly scheme?: 'http' | 'https'
}

interface Member {
  readonly clientPort: number
  readonly peerPort: number
  process?: ChildProcess
  output: string
}

export async function startEtcdProcesses(options: EtcdProcessesOptions): Promise<EtcdProcesses> {
  const directory = await mkdtemp(join(tmpdir(), 'etcd-processes-'))
  const scheme = options.scheme ?? 'http'
  const names = 'abcdefg'.slice(0, options.members).split('')
  const members = new Map<string, Member>()
  for (const name of names) members.set(name, { clientPort: await freePort(), peerPort: await freePort(), output: '' })
  const member = (name: string) => members.get(name)!
  const peerUrl = (name: string) => `${scheme}://127.0.0.1:${member(name).peerPort}`
  const endpoint = (name: string) => `127.0.0.1:${member(name).clientPort}`

  const start = (name: string) => {
    const conditions = importConditions(process.env.LAB_MINE).map((condition) => `--conditions=${condition}`)
    const child = spawn(
      process.execPath,
      [
        ...['--import', 'tsx', ...conditions, PROGRAM, '--name', name, '--data-dir', join(directory, name)],
        ...['--listen-client-urls', `${scheme}://${endpoint(name)}`, '--listen-peer-urls', peerUrl(name)],
        ...['--initial-cluster', names.map((one) => `${one}=${peerUrl(one)}`).join(',')],
        ...['--heartbeat-interval', String(options.heartbeatIntervalMs ?? 50)],
        ...['--election-timeout', String(options.electionTimeoutMs ?? 500)],
        ...(options.flags ?? []),
      ],
      { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    child.stderr.on('data', (text) => {
      member(name).output += text
    })
    member(name).process = child
  }
  const exited = (name: string) => exitOf(member(name).process)
  const kill = async (name: string) => {
    member(name).process?.kill('SIGKILL')
    await exited(name)
  }
  for (const name of names) start(name)
  return {
    names,
    endpoint,
    endpoints: names.map(endpoint),
    peerAddress: (name) => ({ host: '127.0.0.1', port: member(name).peerPort }),
    start,
    kill,
    signal: (name, signal) => member(name).process?.kill(signal),
    output: (name) => member(name).output,
    exited,
    dataDirectory: (name) => join(directory, name),
    async stop() {
      await Promise.all(names.map(kill))
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function exitOf(child: ChildProcess | undefined): Promise<number | null> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child?.exitCode ?? null)
  return new Promise((resolve) => child.once('exit', resolve))
}
