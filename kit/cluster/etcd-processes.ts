/**
 * Runs etcd members as processes of their own, for tests that kill them: each with its directory and ports, on loopback.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../etcd-api/real-etcd.ts'
import { bundle } from './programs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface EtcdProcesses {
  readonly names: readonly string[]
  /** `127.0.0.1:port` of one member, or of all. */
  endpoint(name: string): string
  readonly endpoints: readonly string[]
  /** Where the other members reach one. */
  peerAddress(name: string): { readonly host: string; readonly port: number }
  /** The URL of that. */
  peerUrl(name: string): string
  /** One more member, with ports of its own, that is not started. Returns its name. */
  reserve(): Promise<string>
  /** @param joining the `--initial-cluster` of a running cluster that has added this member */
  start(name: string, joining?: string): void
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
  /** Ours, of which a bundle is made here; ours, bundled already; or the real etcd. Default: `ours`. */
  readonly program?: 'ours' | 'real' | { readonly bundle: string }
  /** Puts something between the members, such as a proxy: where should the others dial the one that listens at `address`? */
  readonly exposePeer?: (name: string, address: Address) => Promise<Address>
}

interface Address {
  readonly host: string
  readonly port: number
}

interface Member {
  readonly clientPort: number
  readonly peerPort: number
  /** Where the others dial it. */
  readonly advertised: Address
  process?: ChildProcess
  output: string
}

export async function startEtcdProcesses(options: EtcdProcessesOptions): Promise<EtcdProcesses> {
  const directory = await mkdtemp(join(tmpdir(), 'etcd-processes-'))
  const program = await commandOf(options.program ?? 'ours', directory)
  const scheme = options.scheme ?? 'http'
  const names = 'abcdefg'.slice(0, options.members).split('')
  const members = new Map<string, Member>()
  const reserve = async (name: string) => {
    const listening = { host: '127.0.0.1', port: await freePort() }
    const advertised = (await options.exposePeer?.(name, listening)) ?? listening
    members.set(name, { clientPort: await freePort(), peerPort: listening.port, advertised, output: '' })
  }
  for (const name of names) await reserve(name)
  const member = (name: string) => members.get(name)!
  const advertisedUrl = (name: string) => `${scheme}://${member(name).advertised.host}:${member(name).advertised.port}`
  const endpoint = (name: string) => `127.0.0.1:${member(name).clientPort}`

  const founders = names.map((one) => `${one}=${advertisedUrl(one)}`).join(',')
  const start = (name: string, joining?: string) => {
    const child = spawn(
      program[0],
      [
        ...[...program.slice(1), '--name', name, '--data-dir', join(directory, name)],
        ...['--listen-client-urls', `${scheme}://${endpoint(name)}`],
        ...['--listen-peer-urls', `${scheme}://127.0.0.1:${member(name).peerPort}`],
        ...['--initial-cluster', joining ?? founders],
        ...(joining === undefined ? [] : ['--initial-cluster-state', 'existing']),
        ...['--heartbeat-interval', String(options.heartbeatIntervalMs ?? 50)],
        ...['--election-timeout', String(options.electionTimeoutMs ?? 500)],
        ...(options.program === 'real' ? upstreamFlags(`${scheme}://${endpoint(name)}`, advertisedUrl(name)) : []),
        ...(options.flags ?? []),
      ],
      {
        cwd: ROOT,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch },
      },
    )
    endWithUs(child)
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
    peerUrl: advertisedUrl,
    async reserve() {
      const name = 'abcdefg'[members.size]!
      await reserve(name)
      return name
    },
    start,
    kill,
    signal: (name, signal) => member(name).process?.kill(signal),
    output: (name) => member(name).output,
    exited,
    dataDirectory: (name) => join(directory, name),
    async stop() {
      await Promise.all([...members.keys()].map(kill))
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** From a bundle a member starts several times faster than from its sources. */
async function commandOf(
  program: NonNullable<EtcdProcessesOptions['program']>,
  directory: string,
): Promise<readonly [string, ...string[]]> {
  if (program === 'real') return ['etcd']
  if (program !== 'ours') return [process.execPath, '--enable-source-maps', program.bundle]
  await bundle({ programs: ['etcd'], directory: join(directory, 'program'), mine: process.env.LAB_MINE })
  return [process.execPath, '--enable-source-maps', join(directory, 'program', 'etcd.mjs')]
}

/** What the real etcd insists on. */
function upstreamFlags(clientUrl: string, peerUrl: string): readonly string[] {
  const advertised = ['--advertise-client-urls', clientUrl, '--initial-advertise-peer-urls', peerUrl]
  return [...advertised, '--log-level', 'error']
}

const running = new Set<ChildProcess>()

/** A test that ends without stopping its members, for whatever reason, must not leave them behind. */
function endWithUs(child: ChildProcess): void {
  if (running.size === 0) process.once('exit', endAll)
  running.add(child)
  child.once('exit', () => {
    running.delete(child)
    if (running.size === 0) process.off('exit', endAll)
  })
}

function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

function exitOf(child: ChildProcess | undefined): Promise<number | null> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child?.exitCode ?? null)
  return new Promise((resolve) => child.once('exit', resolve))
}
