/**
 * One member's connection to another, dialled again whenever it is lost.
 */
import { type Socket, connect as tcpConnect } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { framed, onFrames } from './frames.ts'
import type { MemberId } from './messages.ts'

export interface PeerTls {
  readonly ca: string | Buffer
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

/** With what a caller introduces itself; the first frame on a connection, as JSON. */
export interface Hello {
  readonly clusterId: string
  readonly from: MemberId
  /** Where the caller itself is reached: whoever is called may not know it yet. */
  readonly urls?: readonly string[]
}

/** All that a member answers on a connection that it accepted, as JSON. */
export interface Reply {
  /** The caller is no member any more, and never will be again. */
  readonly removed?: boolean
}

export interface PeerLink {
  readonly isOpen: boolean
  /** The one that was dialled last. */
  readonly url: string
  send(payload: Buffer): boolean
  /** What was sent before still goes out. */
  close(): void
}

export interface PeerLinkOptions {
  readonly hello: Hello
  /** Tried in turn. */
  readonly urls: readonly string[]
  readonly tls?: PeerTls
  readonly onReply: (reply: Reply) => void
}

/** Beyond this, a peer is not reading: more would only fill our memory. */
const MAX_UNSENT_BYTES = 64 << 20
const REDIAL_MS = 100

export function dialPeer({ hello, urls, tls, onReply }: PeerLinkOptions): PeerLink {
  let socket: Socket | undefined
  let isOpen = false
  let isClosed = false
  let redial: NodeJS.Timeout | undefined
  let attempts = 0
  let url = urls[0]!
  const dial = () => {
    url = urls[attempts++ % urls.length]!
    const current = openSocket(url, tls)
    socket = current
    current.on('error', () => {})
    current.once(tls ? 'secureConnect' : 'connect', () => {
      isOpen = true
      current.write(framed(Buffer.from(JSON.stringify(hello))))
    })
    current.once('close', () => {
      isOpen = false
      if (!isClosed) redial = setTimeout(dial, REDIAL_MS)
    })
    onFrames(
      current,
      (payload) => onReply(JSON.parse(payload.toString('utf8'))),
      () => current.destroy(),
    )
  }
  dial()
  return {
    get isOpen() {
      return isOpen
    },
    get url() {
      return url
    },
    send(payload) {
      if (!isOpen || isClosed || socket!.writableLength >= MAX_UNSENT_BYTES) return false
      socket!.write(framed(payload))
      return true
    },
    close() {
      isClosed = true
      clearTimeout(redial)
      if (isOpen) socket?.destroySoon()
      else socket?.destroy()
    },
  }
}

export function openSocket(url: string, tls: PeerTls | undefined): Socket {
  const { hostname, port } = new URL(url)
  const address = { host: hostname, port: Number(port) }
  const socket = tls ? tlsConnect({ ...address, ...tls }) : tcpConnect(address)
  return socket.setNoDelay(true)
}
