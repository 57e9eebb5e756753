/**
 * One member's workings behind its API: writes go through consensus, reads wait until they are fresh, leases follow the leader's clock.
 *
 * It joins the parts and has no logic of its own: Raft's driver, the state machine, proposals, reads, peers.
 */
import { randomInt } from 'node:crypto'
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { ClusterMember, ResponseHeader } from '#kit/etcd-api/messages.ts'
import type { Disk } from '#kit/raft/disk.ts'
import type { HardState, InstallSnapshot, MemberId, Message, SnapshotMetadata } from '#kit/raft/messages.ts'
import type { ClusterDescription } from '#kit/raft/peer-question.ts'
import { type PeerTls, type PeerTransport, startPeerTransport } from '#kit/raft/peer-transport.ts'
import type { PeerFrame } from '#kit/raft/wire.ts'
import { Raft } from '../raft/raft.ts'
import { createRaftState } from '../raft/state.ts'
import { metadataOf } from '../snapshot/content.ts'
import type { WalRecord } from '../wal/replay.ts'
import type { SnapshotPolicy } from '../wal/replay-after.ts'
import { type AutoCompaction, AutoCompactor } from './auto-compaction.ts'
import type { ClusterConfiguration } from './cluster.ts'
import type { MemberChange, Request } from './command.ts'
import { Durability } from './durability.ts'
import { missingMembershipPart } from './fixed-members.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { MemberChanges } from './member-changes.ts'
import { Membership } from './membership.ts'
import { skipMissing } from './missing-parts.ts'
import { leaveOffice, moveLeader, type Office } from './move-leader.ts'
import { knownPeers } from './peers.ts'
import { type Applied, Proposals } from './proposals.ts'
import { RaftDriver } from './raft-driver.ts'
import { raftFeatures } from './raft-features.ts'
import { Reads } from './reads.ts'
import { Space } from './space.ts'
import { StateMachine } from './state-machine.ts'
import { type OpenedStorage, Storage, type StorageOptions } from './storage.ts'

export interface EngineOptions {
  readonly cluster: ClusterConfiguration
  readonly dataDirectory: string
  readonly listenPeerUrls: readonly string[]
  readonly peerTls?: PeerTls
  readonly heartbeatIntervalMs: number
  readonly electionTimeoutMs: number
  /** Ask before standing for election. */
  readonly preVote: boolean
  readonly snapshots: SnapshotPolicy
  /** Bytes that the store may hold; 0 or less: no limit. */
  readonly quotaBytes: number
  /** Left out: only clients compact. */
  readonly autoCompaction?: AutoCompaction | undefined
  /** Tests have a disk of their own, and less room on it. */
  readonly disk?: Disk
  readonly segmentBytes?: number
  /** Room on the disk that is kept for the alarm that there is none. */
  readonly reserveBytes?: number
  readonly clock: Clock
  readonly log: Log
  /** The disk failed, and with it this member. */
  readonly onFatal: (error: unknown) => void
  /** The cluster has removed this member for good. */
  readonly onRemoved: () => void
}

/** Where the log cannot be read because that step is not written yet, the member comes up anyway. */
async function openStorage(options: StorageOptions): Promise<OpenedStorage> {
  return Storage.open(options).catch((error) => {
    if (!isNotImplemented(error)) throw error
    options.log.error('the write-ahead log cannot be read', error)
    return Storage.missing(error, options)
  })
}

/** A member that is not asked for longer than this has no leader to speak of. */
const LEADERLESS_ELECTIONS = 3
const TICKS_PER_HEARTBEAT = 5
const FIRST_ELECTION_MS = 300

export class Engine {
  readonly machine: StateMachine
  readonly leases: LeaseKeeper
  readonly space: Space
  readonly #options: EngineOptions
  readonly #storage: Storage
  readonly #durability: Durability
  readonly #driver: RaftDriver
  readonly #proposals: Proposals
  readonly #reads: Reads
  readonly #memberChanges: MemberChanges
  readonly #office: Office
  readonly #changeListeners = new Set<() => void>()
  #transport: PeerTransport | undefined
  #appliedIndex = 0
  #seenRevision = 1
  #seenMembers = 0
  #isRemoved = false
  #leaderSeenAtMs: number
  #expiry: Timer | undefined
  readonly #autoCompactor: AutoCompactor | undefined

  /** Opens the disk, replays it, and joins the cluster. */
  static async start(options: EngineOptions): Promise<Engine> {
    let engine: Engine | undefined
    const onFull = () => engine?.space.runOut()
    const opened = await openStorage({ ...options, onFull })
    engine = new Engine(options, opened)
    await engine.#connect()
    return engine
  }

  private constructor(options: EngineOptions, { storage, found }: OpenedStorage) {
    const { cluster, clock, log, onFatal, electionTimeoutMs } = options
    this.#options = options
    this.#storage = storage
    this.#leaderSeenAtMs = clock.now()
    this.machine = new StateMachine(clock, new Membership(cluster.founders))
    const { snapshot, restored } = found
    const { hardState, entries } = restored
    if (snapshot) this.machine.restore(snapshot.head, snapshot.store)
    this.#appliedIndex = snapshot?.head.index ?? 0
    const tickMs = options.heartbeatIntervalMs / TICKS_PER_HEARTBEAT
    const electionTicks = Math.ceil(electionTimeoutMs / tickMs)
    const core = new Raft(
      createRaftState({
        id: cluster.self.id,
        voters: cluster.founders.map((member) => member.id),
        timing: {
          heartbeatTicks: TICKS_PER_HEARTBEAT,
          electionTicks,
          firstElectionTicks: Math.min(electionTicks, Math.ceil(FIRST_ELECTION_MS / tickMs)),
        },
        features: raftFeatures(options, log),
        seed: randomInt(2 ** 32),
        ...(hardState && { hardState }),
        ...(snapshot && { snapshot: metadataOf(snapshot.head) }),
        entries,
      }),
    )
    this.space = new Space({
      quotaBytes: options.quotaBytes,
      store: this.machine.store,
      alarms: this.machine.alarms,
      raise: () => this.raiseAlarm('NOSPACE'),
      onError: (error) =>
        log.warn(`there is no room, and the alarm about it is not raised yet: ${describeError(error)}`),
    })
    this.#durability = new Durability({
      storage,
      core,
      machine: this.machine,
      policy: options.snapshots,
      snapshotIndex: this.#appliedIndex,
      clock,
      log,
      onFull: () => this.space.runOut(),
    })
    const ports = {
      persist: (record: WalRecord) => this.#durability.persist(record),
      send: (message: Message) => {
        if (message.type === 'InstallSnapshot') return this.#sendSnapshot(message)
        const isSent = this.#transport?.send(message.to, { message }) ?? false
        if (!isSent && message.type === 'ProposeRequest') this.#proposals.takeBack(message.commands)
      },
      apply: (entry: Parameters<StateMachine['apply']>[0]) => {
        const outcome = this.machine.apply(entry, this.#proposals.commandOf(entry.data))
        this.#appliedIndex = entry.index
        if (outcome) this.#proposals.settle(entry.data, outcome)
      },
      serve: (read: Parameters<Reads['confirm']>[0]) => this.#reads.confirm(read),
    }
    this.#driver = new RaftDriver({
      core,
      ports,
      clock,
      tickMs,
      log,
      install: (metadata, newHardState) => this.#install(metadata, newHardState),
      onFatal,
      onProgress: () => this.#progress(),
      onTick: () => this.#tick(),
    })
    // Upstream waits five seconds and two elections; the same, in proportion to the election timeout.
    const timeoutMs = 7 * electionTimeoutMs
    const timeoutTicks = timeoutMs / tickMs
    this.#proposals = new Proposals({ handOver: (data) => this.#driver.propose(data), timeoutTicks })
    this.#reads = new Reads({
      ask: (context) => this.#driver.readIndex(context),
      appliedIndex: () => this.#appliedIndex,
      clock,
      timeoutMs,
      retryMs: electionTimeoutMs / 2,
    })
    const missing = missingMembershipPart()
    if (missing) log.warn(`runs with fixed members: ${missing.message}`)
    this.#memberChanges = new MemberChanges({
      missing,
      members: this.machine.members,
      selfId: cluster.self.id,
      isConnected: (id) => this.#transport?.isConnected(id) ?? false,
      hasCaughtUp: (id) => this.#driver.hasCaughtUp(id),
      isLeader: () => this.isLeader(),
      leader: () => this.#driver.status().leader,
      mayChange: () => this.#driver.mayChangeMembers(),
      propose: (change, request) =>
        this.#proposals.propose(request, (data) => this.#driver.proposeChange(change, data)),
      send: (to, frame) => this.#transport?.send(to, frame) ?? false,
      clock,
      log,
      timeoutMs,
    })
    this.#office = {
      selfId: cluster.self.id,
      leader: () => this.#driver.status().leader,
      handOverTo: (to) => this.#driver.transferLeadership(to),
      likelySuccessor: () => this.#driver.likelySuccessor(),
      isConnected: (id) => this.#transport?.isConnected(id) ?? false,
      clock,
      pollMs: tickMs,
      timeoutMs: electionTimeoutMs,
    }
    this.#autoCompactor =
      options.autoCompaction &&
      new AutoCompactor({
        plan: options.autoCompaction,
        isLeader: () => this.isLeader(),
        revision: () => this.machine.store.revision,
        compact: (revision) => this.propose({ compaction: { revision } }),
        clock,
        log,
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
    const { members } = this.machine
    const peers = knownPeers(cluster, members)
    this.#transport = await startPeerTransport({
      id: cluster.self.id,
      clusterId: cluster.clusterId,
      listenUrls: listenPeerUrls,
      ownUrls: cluster.contacts.find(({ id }) => id === cluster.self.id)?.peerURLs ?? listenPeerUrls,
      peers,
      isRemoved: (id) => members.isRemoved(id),
      onRemoved: () => this.#leave(),
      describeCluster: () => describeCluster(cluster, members),
      ...(peerTls && { tls: peerTls }),
      onFrame: (from, frame) => this.#receive(from, frame),
      onSnapshot: (message, content) => this.#receiveSnapshot(message, content),
      log,
    })
    this.#driver.start()
    if (peers.length === 0) this.#driver.campaign()
    this.#watchLeases()
    this.#autoCompactor?.start()
  }

  /** Resolves with the answer once the request is decided and applied here. */
  async propose<Response extends object>(request: Request): Promise<Applied<Response>> {
    this.#refuseWhatIsMissing()
    this.space.admit(request)
    return this.#proposals.propose<Response>(request)
  }

  /** Resolves with the members after a change, whoever leads. */
  async changeMembers(change: MemberChange): Promise<readonly ClusterMember[]> {
    this.#refuseWhatIsMissing()
    return this.#memberChanges.change(change)
  }

  /** Resolves when that member leads. Only the leader can do this. */
  async moveLeader(to: MemberId): Promise<void> {
    this.#refuseWhatIsMissing()
    return moveLeader(this.#office, to)
  }

  /** A learner has the log but no say: it serves only what may be stale. */
  isLearner(): boolean {
    return this.machine.members.get(this.#options.cluster.self.id)?.isLearner ?? false
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
    return { ...this.#driver.status(), appliedIndex: this.#appliedIndex, walBytes: this.#storage.wal.size }
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
    this.#autoCompactor?.stop()
    await leaveOffice(this.#office)
    this.#durability.giveUpWaiting()
    await this.#driver.stop()
    this.#proposals.failAll(etcdErrors.stopped())
    this.#reads.failAll(etcdErrors.stopped())
    await this.#transport?.close()
    await this.#durability.stop()
  }

  #receive(from: string, frame: PeerFrame): void {
    if (frame.message) {
      // What a removed member may still say about the log does not count; that it has carried out a change does.
      if (!this.machine.members.isRemoved(from)) this.#driver.step(frame.message)
    } else if (frame.memberCall || frame.memberAnswer) this.#memberChanges.receive(from, frame)
    else this.leases.receive(from, frame)
  }

  #tick(): void {
    if (this.#driver.status().leader !== null) this.#leaderSeenAtMs = this.#options.clock.now()
    this.#proposals.tick()
    this.#reads.progress()
  }

  #progress(): void {
    skipMissing(() => this.machine.lessor.setLeader(this.isLeader(), this.#options.clock.now()))
    this.#reads.progress()
    this.#followMembers()
    skipMissing(() => this.#durability.considerSnapshot(this.#driver.status().appliedIndex))
    if (this.machine.store.revision === this.#seenRevision) return
    this.#seenRevision = this.machine.store.revision
    this.space.consider()
    for (const listener of this.#changeListeners) listener()
  }

  async #install(snapshot: SnapshotMetadata, hardState: HardState | undefined): Promise<void> {
    await this.#durability.install(snapshot, hardState)
    this.#appliedIndex = snapshot.index
  }

  /** The content goes beside the message, on a connection of its own. If it does not arrive, the core will try again. */
  #sendSnapshot(message: InstallSnapshot): void {
    this.#transport?.sendSnapshot(message, this.#storage.snapshots.file(message.snapshot))
  }

  /** The core hears of a snapshot only when all of it is on our disk. */
  async #receiveSnapshot(message: InstallSnapshot, content: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#durability.receive(message, content, () => this.#driver.stepThrough(message))
  }

  /** Others came or went, or moved. */
  #followMembers(): void {
    const { cluster } = this.#options
    const { members } = this.machine
    if (members.version === this.#seenMembers) return
    this.#seenMembers = members.version
    this.#transport?.setPeers(knownPeers(cluster, members))
    if (members.isRemoved(cluster.self.id)) this.#leave()
  }

  #leave(): void {
    if (this.#isRemoved) return
    this.#isRemoved = true
    this.#options.onRemoved()
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

/** For one who wants to join. */
function describeCluster({ clusterId, founders }: ClusterConfiguration, members: Membership): ClusterDescription {
  return {
    clusterId,
    founders,
    members: members.list().map(({ ID, name, peerURLs }) => ({ id: ID, name, peerURLs })),
  }
}
