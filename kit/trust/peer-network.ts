/**
 * The network between members, in the hands of a test: what travels from one member to another can be held back, delayed, or torn off.
 *
 * Every member has one address that the others dial, and behind it a proxy. The proxy learns who is calling from the first bytes, which our
 * members and the real etcd both begin with their id, so it can tell each pair's traffic apart, and each direction.
 *
 * What is held back is not lost: it arrives, late and in order, when the link is whole again, as TCP would have it. Tearing connections
 * off loses what was under way.
 */
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface PeerNetwork {
  /** Puts a proxy in front of a member; returns the address that the others should dial. */
  expose(name: string, target: Address): Promise<Address>
  /** Whose id is whose: links go by names. Decimal, as the API tells it. */
  introduce(name: string, id: string): void
  /** From now on nothing arrives at `to` that comes from `from`. The other direction is not touched. */
  cut(from: string, to: string): void
  delay(from: string, to: string, delayMs: number): void
  /** Ends the connections between the two; they may dial again. */
  tear(one: string, other: string): void
  /** All links as they were in the beginning. */
  heal(): void
  close(): Promise<void>
}

interface Link {
  isCut: boolean
  delayMs: number
}

const WHOLE: Link = { isCut: false, delayMs: 0 }
/** Beyond this, a direction that is held back makes its sender wait. */
const MAX_HELD_BYTES = 4 << 20

export function createPeerNetwork(): PeerNetwork {
  const links = new Map<string, Link>()
  const names = new Map<string, string>()
  const servers: Server[] = []
  const connections = new Set<Connection>()
  let isClosed = false

  /** Links are looked up when bytes are there, since the caller may become known later than its connection. */
  const linkOf = (from: string | undefined, to: string | undefined): Link =>
    links.get(`${names.get(from ?? '') ?? from} ${names.get(to ?? '') ?? to}`) ?? WHOLE
  const change = (from: string, to: string, link: Partial<Link>) => {
    links.set(`${from} ${to}`, { ...WHOLE, ...links.get(`${from} ${to}`), ...link })
    for (const connection of connections) connection.pump()
  }

  return {
    async expose(name, target) {
      // Who has nothing more to say may still want to hear the answer.
      const server = createServer({ allowHalfOpen: true }, (caller) => {
        if (isClosed) return void caller.destroy()
        const connection = new Connection(caller, target, name, linkOf)
        connections.add(connection)
        caller.on('close', () => connections.delete(connection))
      })
      servers.push(server)
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', resolve)
      })
      return { host: '127.0.0.1', port: (server.address() as { port: number }).port }
    },
    introduce: (name, id) => void names.set(id, name),
    cut: (from, to) => change(from, to, { isCut: true }),
    delay: (from, to, delayMs) => change(from, to, { delayMs }),
    tear(one, other) {
      for (const connection of connections) {
        const caller = names.get(connection.caller ?? '')
        const isBetween =
          (caller === one && connection.target === other) || (caller === other && connection.target === one)
        if (isBetween) connection.destroy()
      }
    },
    heal() {
      links.clear()
      for (const connection of connections) connection.pump()
    },
    async close() {
      isClosed = true
      for (const connection of connections) connection.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

type LinkOf = (from: string | undefined, to: string | undefined) => Link

/** A caller, and its connection on to the member it called. */
class Connection {
  readonly target: string
  /** The caller's id, as soon as it has said it. */
  caller: string | undefined
  readonly #sockets: readonly Socket[]
  readonly #there: Direction
  readonly #back: Direction

  constructor(caller: Socket, address: Address, target: string, linkOf: LinkOf) {
    const onward = tcpConnect({ ...address, allowHalfOpen: true })
    this.target = target
    this.#sockets = [caller, onward]
    this.#there = new Direction(
      caller,
      onward,
      () => linkOf(this.caller, target),
      (bytes) => this.#identify(bytes),
    )
    this.#back = new Direction(onward, caller, () => linkOf(target, this.caller))
    for (const socket of this.#sockets) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => this.destroy())
    }
  }

  pump(): void {
    this.#there.pump()
    this.#back.pump()
  }

  destroy(): void {
    for (const part of [this.#there, this.#back]) part.stop()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Ours begin with a frame that says `"from":"<decimal>"`; the real etcd's requests carry a header. */
  #identify(bytes: Buffer): void {
    if (this.caller !== undefined) return
    const text = bytes.toString('latin1', 0, 4096)
    const ours = /"from":"(\d+)"/.exec(text)
    const upstreams = /X-Server-From: ([0-9a-f]+)/i.exec(text)
    this.caller = ours?.[1] ?? (upstreams ? BigInt(`0x${upstreams[1]}`).toString() : undefined)
  }
}

/** One direction of a connection: bytes wait here while their link holds them back. */
class Direction {
  readonly #source: Socket
  readonly #destination: Socket
  readonly #link: () => Link
  readonly #waiting: { readonly bytes: Buffer; readonly arrivedMs: number }[] = []
  #waitingBytes = 0
  #isEnding = false
  #timer: NodeJS.Timeout | undefined

  constructor(source: Socket, destination: Socket, link: () => Link, look?: (bytes: Buffer) => void) {
    this.#source = source
    this.#destination = destination
    this.#link = link
    source.on('data', (bytes: Buffer) => {
      look?.(bytes)
      this.#waiting.push({ bytes, arrivedMs: performance.now() })
      this.#waitingBytes += bytes.length
      if (this.#waitingBytes > MAX_HELD_BYTES) source.pause()
      this.pump()
    })
    source.on('end', () => {
      this.#isEnding = true
      this.pump()
    })
  }

  /** Hands on what may go now, and comes back for what may go later. */
  pump(): void {
    clearTimeout(this.#timer)
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const { isCut, delayMs } = this.#link()
      if (isCut) return
      const leftMs = first.arrivedMs + delayMs - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(leftMs))
        return
      }
      this.#waiting.shift()
      this.#waitingBytes -= first.bytes.length
      this.#destination.write(first.bytes)
    }
    if (this.#source.isPaused()) this.#source.resume()
    if (this.#isEnding) this.#destination.end()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
