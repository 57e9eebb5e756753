/**
 * One member's workings behind its API: writes go through consensus, reads wait until they are fresh, leases follow the leader's clock.
 *
 * It joins the parts and has no logic of its own: Raft's driver, the state machine, proposals, reads, peers.
 */
import { randomInt } from 'node:crypto'
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { ResponseHeader } from '#kit/etcd-api/messages.ts'
import type { Message } from '#kit/raft/messages.ts'
import { type PeerTls, type PeerTransport, startPeerTransport } from '#kit/raft/peer-transport.ts'
import type { PeerFrame } from '#kit/raft/wire.ts'
import { Raft } from '../raft/raft.ts'
import { createRaftState } from '../raft/state.ts'
import { replay } from '../wal/replay.ts'
import { openWal, type WalFile } from '../wal/wal-file.ts'
import type { ClusterConfiguration } from './cluster.ts'
import type { Request } from './command.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { skipMissing } from './missing-parts.ts'
import { type Applied, Proposals } from './proposals.ts'
import { RaftDriver } from './raft-driver.ts'
import { Reads } from './reads.ts'
import { StateMachine } from './state-machine.ts'

export interface EngineOptions {
  readonly cluster: ClusterConfiguration
  readonly dataDirectory: string
  readonly listenPeerUrls: readonly string[]
  readonly peerTls?: PeerTls
  readonly heartbeatIntervalMs: number
  readonly electionTimeoutMs: number
  readonly clock: Clock
  readonly log: Log
  /** The disk failed, and with it this member. */
  readonly onFatal: (error: unknown) => void
}

/** Where the log cannot be read because that step is not written yet, the member comes up anyway, to say so to whoever asks. */
function withoutWal(error: unknown, log: Log): Awaited<ReturnType<typeof readWal>> {
  if (!isNotImplemented(error)) throw error
  log.error('the write-ahead log cannot be read', error)
  const done = () => Promise.resolve()
  const wal = { size: 0, append: () => Promise.reject(error), release: done, close: done }
  return { wal, restored: { hardState: undefined, entries: [] } }
}

async function readWal(dataDirectory: string) {
  const { wal, records } = await openWal(dataDirectory)
  return { wal, restored: replay(records) }
}

/** A member that is not asked for longer than this has no leader to speak of. */
const LEADERLESS_ELECTIONS = 3
const TICKS_PER_HEARTBEAT = 5
const FIRST_ELECTION_MS = 300

export class Engine {
  readonly machine: StateMachine
  readonly leases: LeaseKeeper
  readonly #options: EngineOptions
  readonly #wal: WalFile
  readonly #driver: RaftDriver
  readonly #proposals: Proposals
  readonly #reads: Reads
  readonly #changeListeners = new Set<() => void>()
  #transport: PeerTransport | undefined
  #appliedIndex = 0
  #seenRevision = 1
  #leaderSeenAtMs: number
  #expiry: Timer | undefined

  /** Opens the disk, replays it, and joins the cluster. */
  static async start(options: EngineOptions): Promise<Engine> {
    const { wal, restored } = await readWal(options.dataDirectory).catch((error) => withoutWal(error, options.log))
    const engine = new Engine(options, wal, restored)
    await engine.#connect()
    return engine
  }

  private constructor(
    options: EngineOptions,
    wal: WalFile,
    { hardState, entries }: Awaited<ReturnType<typeof readWal>>['restored'],
  ) {
    const { cluster, clock, log, onFatal, electionTimeoutMs } = options
    this.#options = options
    this.#wal = wal
    this.#leaderSeenAtMs = clock.now()
    this.machine = new StateMachine(clock)
    const tickMs = options.heartbeatIntervalMs / TICKS_PER_HEARTBEAT
    const electionTicks = Math.ceil(electionTimeoutMs / tickMs)
    const core = new Raft(
      createRaftState({
        id: cluster.self.id,
        voters: cluster.members.map((member) => member.id),
        timing: {
          heartbeatTicks: TICKS_PER_HEARTBEAT,
          electionTicks,
          firstElectionTicks: Math.min(electionTicks, Math.ceil(FIRST_ELECTION_MS / tickMs)),
        },
        seed: randomInt(2 ** 32),
        ...(hardState && { hardState }),
        entries,
      }),
    )
    const ports = {
      persist: (record: Parameters<WalFile['append']>[0]) => wal.append(record),
      send: (message: Message) => {
        const isSent = this.#transport?.send(message.to, { message }) ?? false
        if (!isSent && message.type === 'ProposeRequest') this.#proposals.takeBack(message.commands)
      },
      apply: (entry: Parameters<StateMachine['apply']>[0]) => {
        const outcome = this.machine.apply(entry)
        this.#appliedIndex = entry.index
        if (outcome) this.#proposals.settle(outcome)
      },
      serve: (read: Parameters<Reads['confirm']>[0]) => this.#reads.confirm(read),
    }
    this.#driver = new RaftDriver({
      core,
      ports,
      clock,
      tickMs,
      log,
      onFatal,
      onProgress: () => this.#progress(),
      onTick: () => this.#tick(),
    })
    // Upstream waits five seconds and two elections; the same, in proportion to the election timeout.
    const timeoutMs = 7 * electionTimeoutMs
    this.#proposals = new Proposals({ handOver: (data) => this.#driver.propose(data), clock, timeoutMs })
    this.#reads = new Reads({
      ask: (context) => this.#driver.readIndex(context),
      appliedIndex: () => this.#appliedIndex,
      clock,
      timeoutMs,
      retryMs: electionTimeoutMs / 2,
    })
    this.leases = new LeaseKeeper({
      lessor: this.machine.lessor,
      isLeader: () => this.isLeader(),
      leader: () => this.#driver.status().leader,
      revoke: (ID) => this.propose({ leaseRevoke: { ID } }),
      send: (to, frame) => void this.#transport?.send(to, frame),
      clock,
      timeoutMs: electionTimeoutMs,
      log,
    })
  }

  /** Only when peers can be answered does time begin to run. */
  async #connect(): Promise<void> {
    const { cluster, listenPeerUrls, peerTls, log } = this.#options
    const peers = cluster.members.filter((member) => member.id !== cluster.self.id)
    this.#transport = await startPeerTransport({
      id: cluster.self.id,
      clusterId: cluster.clusterId,
      listenUrls: listenPeerUrls,
      peers: peers.map(({ id, peerUrl }) => ({ id, url: peerUrl })),
      ...(peerTls && { tls: peerTls }),
      onFrame: (from, frame) => this.#receive(from, frame),
      log,
    })
    this.#driver.start()
    if (peers.length === 0) this.#driver.campaign()
    this.#watchLeases()
  }

  /** Resolves with the answer once the request is decided and applied here. */
  async propose<Response extends object>(request: Request): Promise<Applied<Response>> {
    this.#refuseWhatIsMissing()
    return this.#proposals.propose<Response>(request)
  }

  /** Resolves when a read from our own store sees all that was acknowledged before the call. */
  async waitForFreshRead(): Promise<void> {
    this.#refuseWhatIsMissing()
    return this.#reads.wait()
  }

  /**
   * Tells the cluster what is wrong with this member, once it is decided: from then on all members refuse what would make it worse, until an operator
   * disarms it. Raising what is raised already does nothing.
   */
  async raiseAlarm(alarm: 'NOSPACE' | 'CORRUPT'): Promise<void> {
    const memberID = this.#options.cluster.self.id
    if (this.machine.alarms.list(alarm).some((raised) => raised.memberID === memberID)) return
    await this.propose({ alarm: { action: 'ACTIVATE', memberID, alarm } })
  }

  /** Calls `listener` after the store has changed; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener)
    return () => this.#changeListeners.delete(listener)
  }

  status() {
    return { ...this.#driver.status(), appliedIndex: this.#appliedIndex, walBytes: this.#wal.size }
  }

  isLeader(): boolean {
    return this.#driver.status().role === 'leader'
  }

  /** Whether a leader has been known lately: clients that ask for it (`hasleader`) are refused otherwise. */
  hasLeader(): boolean {
    const silentMs = this.#options.clock.now() - this.#leaderSeenAtMs
    return silentMs < LEADERLESS_ELECTIONS * this.#options.electionTimeoutMs
  }

  header(revision = this.machine.store.revision): ResponseHeader {
    const { cluster } = this.#options
    return { clusterId: cluster.clusterId, memberId: cluster.self.id, revision, raftTerm: this.#driver.status().term }
  }

  async stop(): Promise<void> {
    this.#expiry?.cancel()
    await this.#driver.stop()
    this.#proposals.failAll(etcdErrors.stopped())
    this.#reads.failAll(etcdErrors.stopped())
    await this.#transport?.close()
    await this.#wal.close()
  }

  #receive(from: string, frame: PeerFrame): void {
    if (frame.message) this.#driver.step(frame.message)
    else this.leases.receive(from, frame)
  }

  #tick(): void {
    if (this.#driver.status().leader !== null) this.#leaderSeenAtMs = this.#options.clock.now()
    this.#proposals.handOverWaiting()
    this.#reads.progress()
  }

  #progress(): void {
    skipMissing(() => this.machine.lessor.setLeader(this.isLeader(), this.#options.clock.now()))
    this.#reads.progress()
    if (this.machine.store.revision === this.#seenRevision) return
    this.#seenRevision = this.machine.store.revision
    for (const listener of this.#changeListeners) listener()
  }

  #watchLeases(): void {
    this.#expiry = this.#options.clock.setTimer(500, () => {
      skipMissing(() => this.leases.revokeExpired())
      this.#watchLeases()
    })
  }

  /** A lab in progress answers at once what is not written yet, instead of timing out. */
  #refuseWhatIsMissing(): void {
    if (isNotImplemented(this.#driver.failure)) throw this.#driver.failure
  }
}
