/**
 * The socket on which an etcd member hears its clients: it looks at how each connection begins, and then hands it to gRPC, or to plain HTTP.
 *
 * Looking is for `url-authority.ts`: a request that Node's HTTP/2 would refuse is mended before it gets there. Once handed over, a connection
 * belongs to Node's native HTTP/2 alone, as if nobody had looked: nothing on the way of ordinary requests becomes slower.
 *
 * Go's clients send no request before they have seen the server's SETTINGS, and our HTTP/2 sends them only when it has the connection. So we send
 * empty ones for it and keep back the client's acknowledgement, which HTTP/2 would not expect: it will send its own SETTINGS and get its own.
 * Source: RFC 9113 §3.4, §6.5.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { repairAuthority } from './url-authority.ts'

export interface ListenerTls {
  readonly cert: Buffer
  readonly key: Buffer
  /** With it, and only with it, clients must show a certificate of this authority. */
  readonly clientCa?: Buffer
}

export interface ClientListener {
  /** Hears no one any more, and lets go of connections that were not handed over yet. */
  close(): void
}

/** Get each connection, ready to be read from its first byte. With TLS it is the inner one. */
export interface ConnectionTakers {
  http2(connection: Socket): void
  /** Whoever does not begin as HTTP/2 does: curl, probes of health. */
  http1(connection: Socket): void
}

export async function listenForClients(
  url: string,
  tls: ListenerTls | undefined,
  takers: ConnectionTakers,
): Promise<ClientListener> {
  const opening = new Set<Socket>()
  const accept = (socket: Socket) => {
    opening.add(socket)
    socket.once('close', () => opening.delete(socket))
    awaitOpening(socket, (protocol) => {
      opening.delete(socket)
      takers[protocol](socket)
    })
  }
  const server = tls ? createTlsServer(tlsOptions(tls), accept) : createServer(accept)
  await bind(server, new URL(url))
  return {
    close() {
      server.close()
      for (const socket of opening) socket.destroy()
    },
  }
}

function tlsOptions({ cert, key, clientCa }: ListenerTls) {
  const clients = clientCa ? { ca: clientCa, requestCert: true, rejectUnauthorized: true } : {}
  return { cert, key, ALPNProtocols: ['h2', 'http/1.1'], ...clients }
}

function bind(server: Server, { hostname, port }: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
      server.off('error', reject)
      // From here on, an error is of one connection that could not be accepted; its client will notice.
      server.on('error', () => {})
      resolve()
    })
  })
}

const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])

/** More than a client may send before it has heard from us. */
const MAX_OPENING_BYTES = 256 * 1024

function awaitOpening(socket: Socket, onOpened: (protocol: keyof ConnectionTakers) => void): void {
  let received: Buffer = Buffer.alloc(0)
  let isGreeted = false
  const ignoreError = () => {}
  const handOver = (protocol: keyof ConnectionTakers, opening: Buffer) => {
    socket.off('data', look)
    socket.off('error', ignoreError)
    socket.pause()
    socket.unshift(opening)
    onOpened(protocol)
    // HTTP/2 takes what is here and then reads by itself; HTTP/1 waits for it to flow.
    if (protocol === 'http1') socket.resume()
  }
  const look = (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
    if (!isPreface(received)) return handOver('http1', received)
    if (!isGreeted && received.length >= PREFACE.length) {
      isGreeted = true
      socket.write(EMPTY_SETTINGS)
    }
    const opening = readOpening(received)
    if (opening) handOver('http2', opening)
    else if (received.length > MAX_OPENING_BYTES) socket.destroy()
  }
  socket.on('data', look)
  socket.on('error', ignoreError)
}

/** As far as it has come. */
function isPreface(received: Buffer): boolean {
  return PREFACE.subarray(0, received.length).equals(received.subarray(0, PREFACE.length))
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const FRAME = { headers: 1, settings: 4, windowUpdate: 8 } as const
const FLAG_ACK = 1

/**
 * What HTTP/2 shall get instead of the bytes received so far: mended, and without the acknowledgement. Undefined while the end of the opening is not in
 * sight: the first frame that wants something of us, a request as a rule, and the acknowledgement, whichever comes later.
 */
export function readOpening(received: Buffer): Buffer | undefined {
  let acknowledgement: { start: number; end: number } | undefined
  let wantsSomething = false
  for (let start = PREFACE.length; start + 9 <= received.length; ) {
    const end = start + 9 + received.readUIntBE(start, 3)
    const [type, flags] = [received[start + 3], received[start + 4]!]
    if (end > received.length) break
    if (type === FRAME.settings && flags & FLAG_ACK) acknowledgement ??= { start, end }
    else if (type !== FRAME.settings && type !== FRAME.windowUpdate) {
      if (type === FRAME.headers && !wantsSomething) repairAuthority(received.subarray(start, end))
      wantsSomething = true
    }
    start = end
  }
  if (!acknowledgement || !wantsSomething) return undefined
  return Buffer.concat([received.subarray(0, acknowledgement.start), received.subarray(acknowledgement.end)])
}
