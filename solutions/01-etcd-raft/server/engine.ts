/**
 * One member's workings behind its API: writes go through consensus, reads wait until they are fresh, leases follow the leader's clock.
 *
 * It joins the parts and has no logic of its own. `bring-up.ts` makes what begins with the disk, `replica.ts` is Raft and all that it moves,
 * `engine-parts.ts` puts the rest around it.
 */
import type { ClusterMember, ResponseHeader } from '#kit/etcd-api/messages.ts'
import type { MemberId } from '#kit/raft/messages.ts'
import type { PeerFrame } from '#kit/raft/wire.ts'
import type { AutoCompactor } from './auto-compaction.ts'
import { openStorage, restoreMachine } from './bring-up.ts'
import type { MemberChange, Request } from './command.ts'
import type { EngineOptions } from './engine-options.ts'
import {
  createAutoCompactor,
  createLeaseKeeper,
  createMemberChanges,
  createOffice,
  createSpace,
  type Surroundings,
} from './engine-parts.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { MemberChanges } from './member-changes.ts'
import { leaveOffice, moveLeader, type Office } from './move-leader.ts'
import { Peers } from './peers.ts'
import type { Applied } from './proposals.ts'
import { Replica } from './replica.ts'
import type { Space } from './space.ts'
import type { StateMachine } from './state-machine.ts'
import type { OpenedStorage } from './storage.ts'

export class Engine {
  readonly machine: StateMachine
  readonly leases: LeaseKeeper
  readonly space: Space
  readonly #options: EngineOptions
  readonly #peers: Peers
  readonly #replica: Replica
  readonly #memberChanges: MemberChanges
  readonly #office: Office
  readonly #autoCompactor: AutoCompactor | undefined
  readonly #changeListeners = new Set<() => void>()
  #seenRevision = 1

  /** Opens the disk, replays it, and joins the cluster. */
  static async start(options: EngineOptions): Promise<Engine> {
    let engine: Engine | undefined
    const onFull = () => engine?.space.runOut()
    const opened = await openStorage({ ...options, onFull })
    engine = new Engine(options, opened)
    await engine.#connect()
    return engine
  }

  private constructor(options: EngineOptions, opened: OpenedStorage) {
    this.#options = options
    this.machine = restoreMachine(options, opened.found)
    this.#peers = new Peers(options, this.machine.members)
    this.#replica = new Replica({
      options,
      opened,
      machine: this.machine,
      peers: this.#peers,
      onFull: () => this.space.runOut(),
      onProgress: () => this.#announceChanges(),
    })
    const around: Surroundings = {
      options,
      machine: this.machine,
      replica: this.#replica,
      peers: this.#peers,
      propose: (request) => this.propose(request),
    }
    this.space = createSpace(around, () => this.raiseAlarm('NOSPACE'))
    this.#memberChanges = createMemberChanges(around)
    this.#office = createOffice(around)
    this.#autoCompactor = createAutoCompactor(around)
    this.leases = createLeaseKeeper(around)
  }

  /** Only when peers can be answered does time begin to run. */
  async #connect(): Promise<void> {
    const isAlone = this.#peers.known().length === 0
    await this.#peers.connect({
      onFrame: (from, frame) => this.#receive(from, frame),
      onSnapshot: (message, content) => this.#replica.receiveSnapshot(message, content),
    })
    this.#replica.driver.start()
    if (isAlone) this.#replica.driver.campaign()
    this.leases.start()
    this.#autoCompactor?.start()
  }

  #receive(from: MemberId, frame: PeerFrame): void {
    if (frame.message) this.#replica.receive(from, frame.message)
    // Even one that was removed may still say that it has carried out a change.
    else if (frame.memberCall || frame.memberAnswer) this.#memberChanges.receive(from, frame)
    else this.leases.receive(from, frame)
  }

  /** Resolves with the answer once the request is decided and applied here. */
  async propose<Response extends object>(request: Request): Promise<Applied<Response>> {
    this.#replica.refuseWhatIsMissing()
    this.space.admit(request)
    return this.#replica.proposals.propose<Response>(request)
  }

  /** Resolves with the members after a change, whoever leads. */
  async changeMembers(change: MemberChange): Promise<readonly ClusterMember[]> {
    this.#replica.refuseWhatIsMissing()
    return this.#memberChanges.change(change)
  }

  /** Resolves when that member leads. Only the leader can do this. */
  async moveLeader(to: MemberId): Promise<void> {
    this.#replica.refuseWhatIsMissing()
    return moveLeader(this.#office, to)
  }

  /** Resolves when a read from our own store sees all that was acknowledged before the call. */
  async waitForFreshRead(): Promise<void> {
    this.#replica.refuseWhatIsMissing()
    return this.#replica.waitForFreshRead()
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

  status(): ReturnType<Replica['status']> {
    return this.#replica.status()
  }

  isLeader(): boolean {
    return this.#replica.isLeader()
  }

  /** A learner has the log but no say: it serves only what may be stale. */
  isLearner(): boolean {
    return this.machine.members.get(this.#options.cluster.self.id)?.isLearner ?? false
  }

  /** Whether a leader has been known lately: clients that ask for it (`hasleader`) are refused otherwise. */
  hasLeader(): boolean {
    return this.#replica.hasLeader()
  }

  header(revision = this.machine.store.revision): ResponseHeader {
    const { clusterId, self } = this.#options.cluster
    return { clusterId, memberId: self.id, revision, raftTerm: this.#replica.driver.status().term }
  }

  async stop(): Promise<void> {
    this.leases.stop()
    this.#autoCompactor?.stop()
    await leaveOffice(this.#office)
    await this.#replica.stop()
  }

  #announceChanges(): void {
    const { revision } = this.machine.store
    if (revision === this.#seenRevision) return
    this.#seenRevision = revision
    this.space.consider()
    for (const listener of this.#changeListeners) listener()
  }
}
