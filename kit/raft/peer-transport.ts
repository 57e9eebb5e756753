/**
 * Messages between members, over TCP or mutual TLS.
 *
 * Each member dials every other and uses that connection only for sending; what it accepts, it only reads. A frame is a
 * 4-byte length and a `PeerFrame`. The first frame on a connection says who is calling and in which cluster, so members of different
 * clusters never mix.
 *
 * Nothing is guaranteed and nothing is kept: what cannot be sent now is dropped, as a network would. Raft is made for that.
 */
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'
import { describeError, type Log } from '../contracts/log.ts'
import type { MemberId } from './messages.ts'
import { decodePeerFrame, encodePeerFrame, type PeerFrame } from './wire.ts'

export interface PeerTls {
  readonly ca: string | Buffer
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

export interface PeerTransportOptions {
  readonly id: MemberId
  /** Frames of other clusters are refused. */
  readonly clusterId: string
  /** `http://127.0.0.1:2380`; `https` needs `tls`. */
  readonly listenUrls: readonly string[]
  readonly peers: readonly { readonly id: MemberId; readonly url: string }[]
  /** Both sides show a certificate of this authority. */
  readonly tls?: PeerTls
  readonly onFrame: (from: MemberId, frame: PeerFrame) => void
  readonly log: Log
}

export interface PeerTransport {
  /** Sends if there is a connection; else drops, and says so with false. True promises nothing. */
  send(to: MemberId, frame: Partial<PeerFrame>): boolean
  close(): Promise<void>
}

const MAX_FRAME_BYTES = 64 << 20
/** Beyond this, a peer is not reading: more would only fill our memory. */
const MAX_UNSENT_BYTES = 64 << 20
const REDIAL_MS = 100

export async function startPeerTransport(options: PeerTransportOptions): Promise<PeerTransport> {
  const incoming = new Set<Socket>()
  const servers = await Promise.all(options.listenUrls.map((url) => listen(url, options, incoming)))
  const links = new Map(options.peers.map((peer) => [peer.id, dialing(peer, options)]))
  return {
    send: (to, frame) => links.get(to)?.send(encodePeerFrame(frame)) ?? false,
    async close() {
      for (const link of links.values()) link.close()
      for (const socket of incoming) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

function listen(url: string, options: PeerTransportOptions, incoming: Set<Socket>): Promise<Server> {
  const accept = (socket: Socket) => {
    incoming.add(socket)
    socket.on('close', () => incoming.delete(socket))
    receive(socket, options)
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

/** Cuts the stream of a caller into frames. */
function receive(socket: Socket, { clusterId, onFrame, log }: PeerTransportOptions): void {
  let from: MemberId | undefined
  let rest: Buffer = Buffer.alloc(0)
  const refuse = (reason: string) => {
    log.warn(`closing a peer connection: ${reason}`)
    socket.destroy()
  }
  const handle = (payload: Buffer) => {
    if (from !== undefined) return onFrame(from, decodePeerFrame(payload))
    const hello = parseHello(payload)
    if (hello?.clusterId !== clusterId) return refuse('the caller belongs to another cluster')
    from = hello.from
  }
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    try {
      while (rest.length >= 4) {
        const length = rest.readUInt32BE(0)
        if (length > MAX_FRAME_BYTES) return refuse(`a frame of ${length} bytes`)
        if (rest.length < 4 + length) return
        const payload = rest.subarray(4, 4 + length)
        rest = rest.subarray(4 + length)
        handle(payload)
      }
    } catch (error) {
      refuse(describeError(error))
    }
  })
}

interface Link {
  send(payload: Buffer): boolean
  close(): void
}

/** Keeps one connection to a peer, dialling again whenever it is lost. */
function dialing(peer: { id: MemberId; url: string }, { id, clusterId, tls }: PeerTransportOptions): Link {
  const { hostname, port } = new URL(peer.url)
  const address = { host: hostname, port: Number(port) }
  let socket: Socket | undefined
  let isOpen = false
  let isClosed = false
  let redial: NodeJS.Timeout | undefined
  const dial = () => {
    const current = tls ? tlsConnect({ ...address, ...tls }) : tcpConnect(address)
    socket = current
    current.setNoDelay(true)
    current.on('error', () => {})
    current.once(tls ? 'secureConnect' : 'connect', () => {
      isOpen = true
      current.write(framed(Buffer.from(JSON.stringify({ clusterId, from: id }))))
    })
    current.once('close', () => {
      isOpen = false
      if (!isClosed) redial = setTimeout(dial, REDIAL_MS)
    })
    current.resume()
  }
  dial()
  return {
    send(payload) {
      if (!isOpen || socket!.writableLength >= MAX_UNSENT_BYTES) return false
      socket!.write(framed(payload))
      return true
    },
    close() {
      isClosed = true
      clearTimeout(redial)
      socket?.destroy()
    },
  }
}

function framed(payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(4 + payload.length)
  frame.writeUInt32BE(payload.length, 0)
  payload.copy(frame, 4)
  return frame
}

function parseHello(payload: Buffer): { clusterId: string; from: MemberId } | undefined {
  try {
    const { clusterId, from } = JSON.parse(payload.toString('utf8'))
    return typeof clusterId === 'string' && typeof from === 'string' ? { clusterId, from } : undefined
  } catch {
    return undefined
  }
}
