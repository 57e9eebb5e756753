/**
 * A test stand: some of a cluster's components, each a process of its own, started exactly as `npm start` starts them (bundled,
 * supervised, TLS and certificates as configured), and the real etcd in place of ours where a benchmark asks for it.
 *
 * Guarantee: everything is in `.cluster/bench-<process id>-<n>`, on the disk of the repository; processes and directory go when
 * the benchmark ends, and what a killed run left is removed by the next one.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { resources } from '../api/resources.ts'
import { hasReason } from '../api/status-error.ts'
import { createApiClient } from '../client/api-client.ts'
import { type Connection, loadKubeconfig } from '../client/kubeconfig.ts'
import { type ClusterDirectory, clusterDirectory, createDirectories } from '../cluster/cluster-directory.ts'
import { type Component, type Program, planComponents } from '../cluster/components.ts'
import { ensureCredentials } from '../cluster/credentials.ts'
import type { ClusterLayout } from '../cluster/layout.ts'
import { bundlePrograms, programFile } from '../cluster/programs.ts'
import { type Supervisor, startSupervisor } from '../cluster/supervisor.ts'
import { tearDown } from '../cluster/teardown.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import { createEtcdClient } from '../etcd-api/client.ts'
import { freePort } from '../etcd-api/real-etcd.ts'
import { repositoryRoot } from '../labs/catalog.ts'
import type { BenchContext } from './benchmark.ts'
import { cpuSeconds, memoryMB } from './process-use.ts'

let stands = 0

/** A name for a cluster that nobody else uses; containers and directory carry it. */
export function benchClusterName(): string {
  return `bench-${process.pid}-${++stands}`
}

/** Bundled programs in a directory of their own. */
export async function createStand(context: BenchContext): Promise<ClusterDirectory> {
  const directory = clusterDirectory(benchClusterName(), repositoryRoot)
  context.cleanup(() => rmSync(directory.root, { recursive: true, force: true }))
  context.progress('bundling the components')
  createDirectories(directory)
  await bundlePrograms(directory, context.mine)
  return directory
}

export type EtcdKind = 'ours' | 'real'

/** The real etcd's version, such as "3.4.23", where it is installed. */
export function realEtcdVersion(): string | undefined {
  const { status, stdout } = spawnSync('etcd', ['--version'], { encoding: 'utf8', timeout: 20_000 })
  return status === 0 ? /etcd Version: (\S+)/.exec(stdout)?.[1] : undefined
}

export interface EtcdMember {
  readonly endpoint: string
  /** Processor time so far. */
  cpuSeconds(): number | undefined
}

/** A single member without TLS, ready to serve. */
export async function startEtcd(context: BenchContext, stand: ClusterDirectory, kind: EtcdKind): Promise<EtcdMember> {
  const [client, peer] = await Promise.all([freePort(), freePort()])
  const args = [
    ...['--name', kind, '--data-dir', join(stand.data, kind)],
    ...['--listen-client-urls', `http://127.0.0.1:${client}`, '--listen-peer-urls', `http://127.0.0.1:${peer}`],
    ...['--initial-cluster', `${kind}=http://127.0.0.1:${peer}`],
  ]
  const { supervisor } = startComponents(context, stand, [etcdOf(kind, { name: kind, program: 'etcd', args })])
  const endpoint = `http://127.0.0.1:${client}`
  await untilAnswers(context, supervisor, async () => {
    const etcd = createEtcdClient({ endpoints: [endpoint], timeoutMs: 2_000 })
    await etcd.range({ key: Buffer.from('x') }).finally(() => etcd.close())
  })
  const pid = Object.values(supervisor.state().components)[0]?.pid
  return { endpoint, cpuSeconds: () => cpuSeconds(pid) }
}

export interface ControlPlane {
  readonly connection: Connection
  readonly client: ApiClient
  /** Of one component; undefined where the system does not tell. */
  memoryMB(component: string): number | undefined
  /** Processor time of one component so far; undefined where the system does not tell. */
  cpuSeconds(component: string): number | undefined
  /** Throws when a component had to be started again: then the figures are worth nothing. */
  assertUnharmed(): void
  stop(): Promise<void>
}

/** One etcd member, the API server, and what else is named, with certificates as in a cluster. */
export async function startControlPlane(
  context: BenchContext,
  stand: ClusterDirectory,
  { etcd, programs = [] }: { etcd: EtcdKind; programs?: readonly Program[] },
): Promise<ControlPlane> {
  const layout = await layoutWithoutNodes()
  await ensureCredentials(stand, layout)
  const wanted: readonly Program[] = ['etcd', 'kube-apiserver', ...programs]
  const components = planComponents({ directory: stand, layout, runtime: 'fake' })
    .filter(({ program }) => wanted.includes(program))
    .map((component) => (component.program === 'etcd' ? etcdOf(etcd, component) : component))
  const { supervisor, stop } = startComponents(context, stand, components)
  const connection = loadKubeconfig(stand.kubeconfig)
  const client = createApiClient(connection, 'bench')
  context.cleanup(() => client.close())
  await untilAnswers(context, supervisor, () => client.get(resources.namespaces, { name: 'default' }))
  await createDefaultAccount(client)
  return {
    connection,
    client,
    memoryMB: (name) => memoryMB(supervisor.state().components[name]?.pid),
    cpuSeconds: (name) => cpuSeconds(supervisor.state().components[name]?.pid),
    assertUnharmed: () => assertUnharmed(supervisor),
    async stop() {
      client.close()
      await stop()
      rmSync(stand.data, { recursive: true, force: true })
      createDirectories(stand)
    },
  }
}

/** Pods run as somebody. In a whole cluster a controller makes this account. */
async function createDefaultAccount(client: ApiClient): Promise<void> {
  try {
    await client.create(resources.serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
  }
}

/** Free ports every time: nobody comes back to a stand. */
async function layoutWithoutNodes(): Promise<ClusterLayout> {
  const [apiServerPort, clientPort, peerPort] = [await freePort(), await freePort(), await freePort()]
  return {
    network: { subnet: '10.244.0.0/16', gateway: '127.0.0.1' },
    apiServerPort,
    etcdMembers: [{ name: 'etcd-1', clientPort, peerPort }],
    nodes: [],
  }
}

/** The same flags for the real etcd. */
function etcdOf(kind: EtcdKind, component: Component): Component {
  if (kind === 'ours') return component
  return { ...component, name: `${REAL}${component.name}`, args: [...component.args, ...advertised(component.args)] }
}

/** What the real etcd must be told besides. */
export function advertised(args: readonly string[]): string[] {
  const flag = (name: string) => args[args.indexOf(name) + 1] ?? ''
  return [
    ...['--advertise-client-urls', flag('--listen-client-urls')],
    ...['--initial-advertise-peer-urls', flag('--listen-peer-urls'), '--log-level', 'error'],
  ]
}

const REAL = 'real-'

function startComponents(context: BenchContext, stand: ClusterDirectory, components: readonly Component[]) {
  const supervisor = startSupervisor({
    directory: stand,
    components,
    commandFor: ({ name, program }) =>
      name.startsWith(REAL) ? [program] : [process.execPath, '--enable-source-maps', programFile(stand, program)],
    about: { runtime: 'fake' },
  })
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    await supervisor.stop()
  }
  context.cleanup(stop)
  return { supervisor, stop }
}

const START_TIMEOUT_MS = 30_000

async function untilAnswers(context: BenchContext, supervisor: Supervisor, ask: () => Promise<unknown>): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS
  for (;;) {
    context.signal.throwIfAborted()
    try {
      await ask()
      return
    } catch (error) {
      assertUnharmed(supervisor)
      if (Date.now() > deadlineMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

function assertUnharmed(supervisor: Supervisor): void {
  const died = Object.entries(supervisor.state().components).find(([, { restarts }]) => restarts > 0)
  if (died) throw new Error(`${died[0]} ended by itself, so nothing can be measured`)
}

/** Removes what runs left that were killed before they could clean up. */
export async function removeLeftovers(): Promise<void> {
  const base = join(repositoryRoot, '.cluster')
  if (!existsSync(base)) return
  for (const name of readdirSync(base)) {
    const pid = /^bench-(\d+)-\d+$/.exec(name)?.[1]
    if (!pid || isBenchRun(pid)) continue
    const directory = clusterDirectory(name, repositoryRoot)
    await tearDown(directory)
    rmSync(directory.root, { recursive: true, force: true })
  }
}

function isBenchRun(pid: string): boolean {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', pid], { encoding: 'utf8' }).includes('bench')
  } catch {
    return false
  }
}
