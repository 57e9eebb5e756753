/**
 * The other members, as far as this one knows, and the connections to them.
 *
 * The members that the cluster has agreed on are what counts. A member whose log is not there yet, because it is starting or joining, also goes by
 * what it was told when it was founded or joined; otherwise it could not even answer those who bring it the log.
 */
import type { InstallSnapshot, MemberId } from '#kit/raft/messages.ts'
import type { ClusterDescription } from '#kit/raft/peer-question.ts'
import {
  type Peer,
  type PeerTransport,
  type PeerTransportOptions,
  startPeerTransport,
} from '#kit/raft/peer-transport.ts'
import type { PeerFrame } from '#kit/raft/wire.ts'
import type { EngineOptions } from './engine-options.ts'
import type { Membership } from './membership.ts'

/** Who is told what comes from the others. */
export type PeerListeners = Required<Pick<PeerTransportOptions, 'onFrame' | 'onSnapshot'>>

export class Peers {
  readonly #options: EngineOptions
  readonly #members: Membership
  /** There is none until `connect` has it. */
  #transport: PeerTransport | undefined
  #seenMembers = 0
  #isRemoved = false

  constructor(options: EngineOptions, members: Membership) {
    this.#options = options
    this.#members = members
  }

  async connect(listeners: PeerListeners): Promise<void> {
    const { cluster, listenPeerUrls, peerTls, log } = this.#options
    this.#transport = await startPeerTransport({
      id: cluster.self.id,
      clusterId: cluster.clusterId,
      listenUrls: listenPeerUrls,
      ownUrls: cluster.contacts.find(({ id }) => id === cluster.self.id)?.peerURLs ?? listenPeerUrls,
      peers: this.known(),
      isRemoved: (id) => this.#members.isRemoved(id),
      onRemoved: () => this.#leave(),
      describeCluster: () => this.#describeCluster(),
      ...(peerTls && { tls: peerTls }),
      ...listeners,
      log,
    })
  }

  known(): Peer[] {
    const { self, contacts } = this.#options.cluster
    const members = this.#members
    const agreed = members.list().map(({ ID, peerURLs }): Peer => ({ id: ID, urls: peerURLs }))
    const told = contacts
      .filter(({ id }) => !members.get(id) && !members.isRemoved(id))
      .map(({ id, peerURLs }): Peer => ({ id, urls: peerURLs }))
    return [...agreed, ...told].filter(({ id }) => id !== self.id)
  }

  /** False when it certainly does not arrive. True promises nothing. */
  send(to: MemberId, frame: Partial<PeerFrame>): boolean {
    return this.#transport?.send(to, frame) ?? false
  }

  /** The content goes beside the message, on a connection of its own. If it does not arrive, the core will try again. */
  sendSnapshot(message: InstallSnapshot, file: string): void {
    this.#transport?.sendSnapshot(message, file)
  }

  isConnected(id: MemberId): boolean {
    return this.#transport?.isConnected(id) ?? false
  }

  /** To be called after entries were applied: others may have come or gone, or moved; or it is us who have to go. */
  followMembers(): void {
    if (this.#members.version === this.#seenMembers) return
    this.#seenMembers = this.#members.version
    this.#transport?.setPeers(this.known())
    if (this.#members.isRemoved(this.#options.cluster.self.id)) this.#leave()
  }

  async close(): Promise<void> {
    await this.#transport?.close()
  }

  /** We may hear of it from our own log and from others; it is told once. */
  #leave(): void {
    if (this.#isRemoved) return
    this.#isRemoved = true
    this.#options.onRemoved()
  }

  /** For one who wants to join. */
  #describeCluster(): ClusterDescription {
    const { clusterId, founders } = this.#options.cluster
    const members = this.#members.list().map(({ ID, name, peerURLs }) => ({ id: ID, name, peerURLs }))
    return { clusterId, founders, members }
  }
}
