/**
 * The cluster of a trial: real processes, a client for each, and a network between them that can be cut. It knows who is up, and finds out who leads.
 */
import { type EtcdProcesses, type EtcdProcessesOptions, startEtcdProcesses } from '../cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '../etcd-api/client.ts'
import { createPeerNetwork, type PeerNetwork } from './peer-network.ts'

export interface TrialClusterOptions {
  readonly members: number
  readonly program?: EtcdProcessesOptions['program']
  readonly flags?: readonly string[]
  readonly signal?: AbortSignal
}

const HEARTBEAT_MS = 30
const ELECTION_MS = 300
/** A client gives up after this; what it wanted to write may still happen. */
export const CLIENT_TIMEOUT_MS = 800
/** Nothing takes this long on a machine that works at all. */
export const PATIENCE_MS = 30_000
const LOOK_AGAIN_MS = 20

export class TrialCluster {
  readonly network: PeerNetwork = createPeerNetwork()
  readonly #options: TrialClusterOptions
  readonly #clients = new Map<string, EtcdClient>()
  readonly #down = new Set<string>()
  readonly #paused = new Set<string>()
  #processes!: EtcdProcesses

  constructor(options: TrialClusterOptions) {
    this.#options = options
  }

  /** Resolves when all members answer. */
  async begin(): Promise<void> {
    const { members, program, flags } = this.#options
    this.#processes = await startEtcdProcesses({
      members,
      ...(program && { program }),
      ...(flags && { flags }),
      heartbeatIntervalMs: HEARTBEAT_MS,
      electionTimeoutMs: ELECTION_MS,
      exposePeer: this.network.expose,
    })
    for (const name of this.names) {
      this.#clients.set(name, createEtcdClient({ endpoints: [this.endpoint(name)], timeoutMs: CLIENT_TIMEOUT_MS }))
    }
    await this.leader()
    for (const name of this.names) {
      const { header } = await this.eventually(`member ${name} answers`, () => this.client(name).status())
      this.network.introduce(name, header!.memberId)
    }
  }

  get names(): readonly string[] {
    return this.#processes.names
  }

  get endpoints(): readonly string[] {
    return this.#processes.endpoints
  }

  endpoint(name: string): string {
    return this.#processes.endpoint(name)
  }

  client(name: string): EtcdClient {
    return this.#clients.get(name)!
  }

  isUp(name: string): boolean {
    return !this.#down.has(name)
  }

  async kill(name: string): Promise<void> {
    this.#down.add(name)
    await this.#processes.kill(name)
  }

  start(name: string): void {
    this.#processes.start(name)
    this.#down.delete(name)
  }

  pause(name: string): void {
    this.#paused.add(name)
    this.#processes.signal(name, 'SIGSTOP')
  }

  wake(name: string): void {
    this.#processes.signal(name, 'SIGCONT')
    this.#paused.delete(name)
  }

  /** Whoever takes itself for the leader; of several, the one with the highest term. */
  leader(except: readonly string[] = []): Promise<string> {
    const awake = this.names.filter((name) => this.isUp(name) && !this.#paused.has(name))
    const asked = awake.filter((name) => !except.includes(name))
    return this.eventually(except.length > 0 ? 'there is a new leader' : 'there is a leader', async () => {
      const standings = await Promise.all(asked.map((name) => this.#standing(name)))
      const [leader] = standings
        .filter(({ status }) => status && status.leader !== '0' && status.leader === status.header?.memberId)
        .sort((a, b) => b.status!.raftTerm - a.status!.raftTerm)
      if (!leader) throw new Error('none')
      return leader.name
    })
  }

  async #standing(name: string) {
    const status = await this.client(name)
      .status()
      .catch(() => undefined)
    return { name, status }
  }

  async eventually<Result>(what: string, attempt: () => Promise<Result>, limitMs = PATIENCE_MS): Promise<Result> {
    const deadlineMs = performance.now() + limitMs
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (performance.now() > deadlineMs) throw new Error(`not within ${limitMs / 1000} s: ${what} (${error})`)
        this.#options.signal?.throwIfAborted()
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    }
  }

  /** What members have said on standard error, and not long ago. */
  lastWords(): string {
    const said = (name: string) => this.#processes.output(name).trim().split('\n').slice(-6).join('\n  ')
    return this.#processes?.names.map((name) => `Member ${name} said last:\n  ${said(name)}`).join('\n') ?? ''
  }

  /** Leaves no process behind, however far it came. */
  async stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close()
    await this.#processes?.stop()
    await this.network.close()
  }
}
