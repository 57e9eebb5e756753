/**
 * Messages between members, over TCP or mutual TLS.
 *
 * Each member dials every other and uses that connection only for sending; what it accepts, it only reads. A frame is a
 * 4-byte length and a `PeerFrame`. The first frame on a connection says who is calling and in which cluster, so members of different
 * clusters never mix; one that was removed is told so, and not listened to.
 *
 * Nothing is guaranteed and nothing is kept: what cannot be sent now is dropped, as a network would. Raft is made for that.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describeError, type Log } from '../contracts/log.ts'
import { framed, onFrames } from './frames.ts'
import type { InstallSnapshot, MemberId } from './messages.ts'
import { dialPeer, type Hello, type PeerLink, type PeerTls, type Reply } from './peer-link.ts'
import { type ClusterDescription, MEMBERS_QUESTION } from './peer-question.ts'
import { offeredMessage, type SnapshotOffer, SnapshotSender, takeContent } from './snapshot-transfer.ts'
import { decodePeerFrame, encodePeerFrame, type PeerFrame } from './wire.ts'

export type { PeerTls } from './peer-link.ts'

export interface Peer {
  readonly id: MemberId
  readonly urls: readonly string[]
}

export interface PeerTransportOptions {
  readonly id: MemberId
  /** Frames of other clusters are refused. */
  readonly clusterId: string
  /** `http://127.0.0.1:2380`; `https` needs `tls`. */
  readonly listenUrls: readonly string[]
  /** Where others reach this member, if not at `listenUrls`. */
  readonly ownUrls?: readonly string[]
  readonly peers: readonly Peer[]
  /** Both sides show a certificate of this authority. */
  readonly tls?: PeerTls
  readonly onFrame: (from: MemberId, frame: PeerFrame) => void
  /**
   * A peer sends a snapshot: stores its content and, when all of it is there, gives the message to the core. May reject. Without it, none is taken.
   */
  readonly onSnapshot?: (message: InstallSnapshot, content: AsyncIterable<Uint8Array>) => Promise<void>
  /** Whether this one was a member and is none any more. */
  readonly isRemoved?: (id: MemberId) => boolean
  /** A peer says that we are no member any more. */
  readonly onRemoved?: () => void
  /** The answer to one who wants to join. */
  readonly describeCluster?: () => ClusterDescription
  readonly log: Log
}

export interface PeerTransport {
  /** Sends if there is a connection; else drops, and says so with false. True promises nothing. */
  send(to: MemberId, frame: Partial<PeerFrame>): boolean
  /** Sends the message and, beside it, the content of a file. It may not arrive, and takes its time. */
  sendSnapshot(message: InstallSnapshot, file: string): void
  isConnected(to: MemberId): boolean
  /** From now on these are the others. Connections to those that stay the same stay open. */
  setPeers(peers: readonly Peer[]): void
  close(): Promise<void>
}

export async function startPeerTransport(options: PeerTransportOptions): Promise<PeerTransport> {
  const incoming = new Set<Socket>()
  const links = new Links(options)
  const servers = await Promise.all(options.listenUrls.map((url) => listen(url, options, links, incoming)))
  links.become(options.peers)
  const { clusterId, id, tls, log } = options
  const snapshots = new SnapshotSender({ clusterId, from: id, log, ...(tls && { tls }) })
  return {
    send: (to, frame) => links.get(to)?.send(encodePeerFrame(frame)) ?? false,
    sendSnapshot(message, file) {
      const link = links.get(message.to)
      if (link?.isOpen) snapshots.send(message, file, link.url)
    },
    isConnected: (to) => links.get(to)?.isOpen ?? false,
    setPeers: (peers) => links.become(peers),
    async close() {
      links.close()
      snapshots.close()
      for (const socket of incoming) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

/** The connections on which we send, one per peer. */
class Links {
  readonly #options: PeerTransportOptions
  readonly #links = new Map<MemberId, PeerLink & { readonly urls: readonly string[] }>()
  readonly #met = new Map<MemberId, Peer>()

  constructor(options: PeerTransportOptions) {
    this.#options = options
  }

  get(id: MemberId): PeerLink | undefined {
    return this.#links.get(id)
  }

  become(peers: readonly Peer[]): void {
    const { isRemoved } = this.#options
    for (const { id } of peers) this.#met.delete(id)
    for (const id of this.#met.keys()) if (isRemoved?.(id)) this.#met.delete(id)
    const wanted = [...peers, ...this.#met.values()]
    const urls = new Map(wanted.map((peer) => [peer.id, peer.urls.join()]))
    for (const [id, link] of this.#links) {
      if (urls.get(id) === link.urls.join()) continue
      this.#links.delete(id)
      link.close()
    }
    for (const peer of wanted) this.#dial(peer)
  }

  close(): void {
    this.#met.clear()
    this.become([])
  }

  /** Somebody called whom we do not know yet: our log will tell who that is, but until then we must be able to answer. */
  meet({ from, urls = [] }: Hello): void {
    if (urls.length === 0 || this.#links.has(from)) return
    this.#met.set(from, { id: from, urls })
    this.#dial({ id: from, urls })
  }

  #dial({ id, urls }: Peer): void {
    const { id: from, clusterId, listenUrls, ownUrls = listenUrls, tls, onRemoved } = this.#options
    if (this.#links.has(id)) return
    const hello = { clusterId, from, urls: ownUrls }
    const onReply = (reply: Reply) => {
      if (reply.removed) onRemoved?.()
    }
    const link = dialPeer({ hello, urls, onReply, ...(tls && { tls }) })
    this.#links.set(id, Object.assign(link, { urls }))
  }
}

function listen(url: string, options: PeerTransportOptions, links: Links, incoming: Set<Socket>): Promise<Server> {
  const accept = (socket: Socket) => {
    incoming.add(socket)
    socket.on('close', () => incoming.delete(socket))
    receive(socket, options, links)
  }
  const { hostname, port } = new URL(url)
  const server = options.tls
    ? createTlsServer({ ...options.tls, requestCert: true, rejectUnauthorized: true }, accept)
    : createServer(accept)
  server.on('tlsClientError', (error) => options.log.warn(`refused a peer connection: ${describeError(error)}`))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: hostname, port: Number(port) }, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}

/** Hears who is calling, then takes in what they send. */
function receive(socket: Socket, options: PeerTransportOptions, links: Links): void {
  const { clusterId, onFrame, isRemoved, describeCluster, log } = options
  let from: MemberId | undefined
  const refuse = (reason: string) => {
    log.warn(`closing a peer connection: ${reason}`)
    socket.destroy()
  }
  const answer = (reply: Reply | ClusterDescription) => socket.end(framed(Buffer.from(JSON.stringify(reply))))
  const handle = (payload: Buffer) => {
    if (from !== undefined) return onFrame(from, decodePeerFrame(payload))
    const first = parseFirst(payload)
    if (first?.question === MEMBERS_QUESTION.question && describeCluster) answer(describeCluster())
    else if (first?.clusterId !== clusterId) refuse('the caller belongs to another cluster')
    else if (isRemoved?.(first.from)) answer({ removed: true })
    else if (isOffer(first)) void takeSnapshot(socket, first, options)
    else {
      from = first.from
      links.meet(first)
    }
  }
  socket.on('error', () => {})
  onFrames(socket, handle, refuse)
}

async function takeSnapshot(socket: Socket, offer: SnapshotOffer, options: PeerTransportOptions): Promise<void> {
  const { onSnapshot, log } = options
  try {
    const message = offeredMessage(offer)
    if (message && onSnapshot) await onSnapshot(message, takeContent(socket, offer))
  } catch (error) {
    log.warn(`a snapshot from member ${offer.from} was not taken: ${describeError(error)}`)
  }
  socket.destroy()
}

function isOffer(first: First | SnapshotOffer): first is SnapshotOffer {
  return 'snapshot' in first && typeof first.snapshot === 'string' && typeof first.bytes === 'number'
}

type First = Hello & { readonly question?: string }

function parseFirst(payload: Buffer): First | undefined {
  try {
    const first = JSON.parse(payload.toString('utf8'))
    const isHello = typeof first.clusterId === 'string' && typeof first.from === 'string'
    return isHello || typeof first.question === 'string' ? first : undefined
  } catch {
    return undefined
  }
}
