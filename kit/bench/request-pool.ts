/**
 * Sends HTTPS requests from many clients, one at a time on each one's own connection, and reads as little of the answers as it must.
 *
 * A load generator runs on the same cores as what it measures. Node's own HTTP client costs about as much as a server does;
 * this one writes a prepared request and looks only for the status and the end of the answer, so the figures are the server's.
 */
import { connect, type TLSSocket } from 'node:tls'
import type { Connection } from '../client/kubeconfig.ts'

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
}

export interface RequestPool {
  /** Resolves with the answer's text; rejects unless its status is 2xx. One request at a time per client. */
  send(client: number, request: Request): Promise<Buffer>
  close(): void
}

export async function connectPool(connection: Connection, clients: number): Promise<RequestPool> {
  const host = new URL(connection.server).host
  const sockets = await Promise.all(Array.from({ length: clients }, () => connectOne(connection)))
  const exchanges = sockets.map((socket) => createExchange(socket))
  return {
    send: (client, request) => exchanges[client]!(requestText(host, request)),
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

function connectOne({ server, certificateAuthority, clientCertificate, clientKey }: Connection): Promise<TLSSocket> {
  const { hostname, port } = new URL(server)
  return new Promise((resolve, reject) => {
    const tls = { ca: certificateAuthority, cert: clientCertificate, key: clientKey }
    const socket = connect({ host: hostname, port: Number(port), ALPNProtocols: ['http/1.1'], ...tls })
    socket.setNoDelay(true)
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', reject)
  })
}

function requestText(host: string, { method, path, body, contentType = 'application/json' }: Request): string {
  const start = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\nUser-Agent: bench\r\n`
  if (body === undefined) return `${start}\r\n`
  const text = JSON.stringify(body)
  return `${start}Content-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

type Exchange = (request: string) => Promise<Buffer>

function createExchange(socket: TLSSocket): Exchange {
  let chunks: Buffer[] = []
  let waiting: { resolve(body: Buffer): void; reject(error: Error): void } | undefined
  const fail = (error: Error) => {
    waiting?.reject(error)
    waiting = undefined
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection')))
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    if (chunks.length > 1 && !mayEndAnswer(chunk, chunks)) return
    const received = Buffer.concat(chunks)
    const answer = parseAnswer(received)
    if (!answer) {
      chunks = [received]
      return
    }
    chunks = []
    const settle = waiting
    waiting = undefined
    if (answer.status < 300) settle?.resolve(answer.body)
    else settle?.reject(new Error(`the server answered ${answer.status}: ${answer.body.subarray(0, 300)}`))
  })
  return (request) =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject }
      socket.write(request)
    })
}

/** Spares the concatenation of a large answer's pieces until it may be whole. */
function mayEndAnswer(last: Buffer, chunks: readonly Buffer[]): boolean {
  return (
    last.subarray(-5).toString('latin1') === CHUNKED_END || !/chunked/i.test(chunks[0]!.toString('latin1', 0, 2_000))
  )
}

const HEAD_END = '\r\n\r\n'
const CHUNKED_END = '0\r\n\r\n'

/** Undefined while the answer is not whole. The body of a chunked answer keeps its framing: nobody reads it. */
export function parseAnswer(received: Buffer): { status: number; body: Buffer } | undefined {
  const headEnd = received.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = received.toString('latin1', 0, headEnd)
  const status = Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 '.length + 3))
  const body = received.subarray(headEnd + HEAD_END.length)
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  if (length !== undefined) return body.length >= Number(length) ? { status, body } : undefined
  if (!/^transfer-encoding: chunked/im.test(head)) return { status, body }
  return body.subarray(-CHUNKED_END.length).toString('latin1') === CHUNKED_END ? { status, body } : undefined
}
