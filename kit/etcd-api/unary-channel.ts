/**
 * gRPC's simplest call, one message there and one back, over one HTTP/2 connection to one member.
 *
 * An API server makes such a call for every write, so its cost is a good part of what a write costs. @grpc/grpc-js is made for
 * every sort of call (interceptors, filters, retries, load balancing) and takes twice as long for one as the HTTP/2
 * below it; streams, of which there are few, stay with it.
 *
 * Guarantees: a call ends by its deadline; one that was never sent fails with "No connection established", which tells the
 * caller that it had no effect; a connection that does not answer pings is given up.
 * Source: "gRPC over HTTP/2" (PROTOCOL-HTTP2.md).
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import { GRPC_CODES } from './errors.ts'

export interface UnaryChannelOptions {
  /** "http://127.0.0.1:2379" or "https://…". */
  readonly url: string
  readonly tls?:
    | { readonly ca: string | Buffer; readonly cert?: string | Buffer; readonly key?: string | Buffer }
    | undefined
}

/** What a failed call is rejected with: a gRPC status. `fromGrpcFailure` makes an EtcdError of it. */
export class GrpcStatusError extends Error {
  readonly code: number
  readonly details: string

  constructor(code: number, details: string) {
    super(details)
    this.code = code
    this.details = details
  }
}

const PING_MS = 10_000
const PONG_PATIENCE_MS = 5_000
/** A list of many thousand objects must not wait for a window update at every 64 KiB of it. */
const WINDOW_BYTES = 4 * 1024 * 1024

export class UnaryChannel {
  readonly #options: UnaryChannelOptions
  #connection: Promise<ClientHttp2Session> | undefined
  /** The same, once it stands. */
  #session: ClientHttp2Session | undefined
  #underWay = 0
  #closed = false

  constructor(options: UnaryChannelOptions) {
    this.#options = options
  }

  /** @param deadline in milliseconds since 1970 */
  async call(path: string, message: Uint8Array, deadline: number): Promise<Buffer> {
    const session = this.#session ?? (await this.#connect(deadline))
    if (this.#underWay++ === 0) session.ref()
    try {
      return await ask(session, path, message, deadline)
    } finally {
      if (--this.#underWay === 0) session.unref()
    }
  }

  /** Calls that are under way may end. */
  close(): void {
    this.#closed = true
    this.#session?.close()
  }

  async #connect(deadline: number): Promise<ClientHttp2Session> {
    if (this.#closed)
      throw new GrpcStatusError(GRPC_CODES.UNAVAILABLE, 'No connection established: the client is closed')
    this.#connection ??= this.#open(deadline)
    return this.#connection
  }

  #open(deadline: number): Promise<ClientHttp2Session> {
    const session = connect(this.#options.url, { ...this.#options.tls, settings: { initialWindowSize: WINDOW_BYTES } })
    const forget = () => {
      if (this.#session === session) this.#session = undefined
      this.#connection = undefined
      clearInterval(pinging)
    }
    const pinging = setInterval(() => ping(session), PING_MS).unref()
    session.once('goaway', forget)
    session.once('close', forget)
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(patience)
        session.destroy()
        reject(new GrpcStatusError(GRPC_CODES.UNAVAILABLE, `No connection established. Last error: ${why}`))
      }
      const patience = setTimeout(() => fail('no answer in time'), deadline - Date.now())
      // Calls that are under way hear of a broken connection themselves.
      session.on('error', (error) => fail(error.message))
      session.once('close', () => fail('the connection was closed'))
      session.once('connect', () => {
        // It may have broken between being made and being told about.
        if (session.destroyed) return fail('the connection was closed')
        clearTimeout(patience)
        session.setLocalWindowSize(WINDOW_BYTES)
        session.unref()
        this.#session = session
        if (this.#closed) session.close()
        resolve(session)
      })
    })
  }
}

function ping(session: ClientHttp2Session): void {
  if (session.destroyed) return
  const unanswered = setTimeout(() => session.destroy(), PONG_PATIENCE_MS).unref()
  session.ping(() => clearTimeout(unanswered))
}

function ask(session: ClientHttp2Session, path: string, message: Uint8Array, deadline: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = begin(session, path)
    const chunks: Buffer[] = []
    let failure: Error | undefined
    const timer = setTimeout(() => {
      failure = new GrpcStatusError(GRPC_CODES.DEADLINE_EXCEEDED, 'Deadline exceeded')
      stream.close(constants.NGHTTP2_CANCEL)
    }, deadline - Date.now())
    let status: IncomingHttpHeaders | undefined
    const onHeaders = (headers: IncomingHttpHeaders) => {
      if (headers['grpc-status'] !== undefined) status = headers
    }
    stream.on('response', onHeaders)
    stream.on('trailers', onHeaders)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    // 'close' follows, and knows more.
    stream.on('error', () => {})
    stream.on('close', () => {
      clearTimeout(timer)
      failure ??= failureOf(status, stream)
      if (failure) reject(failure)
      else resolve(unframed(chunks))
    })
    stream.end(framed(message))
  })
}

/** A connection that is just being closed takes no more calls: this one was not sent. */
function begin(session: ClientHttp2Session, path: string): ClientHttp2Stream {
  try {
    return session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new GrpcStatusError(GRPC_CODES.UNAVAILABLE, `No connection established. Last error: ${why}`)
  }
}

/** Undefined when the call was answered with OK. */
function failureOf(status: IncomingHttpHeaders | undefined, stream: ClientHttp2Stream): GrpcStatusError | undefined {
  if (status) {
    const code = Number(status['grpc-status'])
    return code === 0 ? undefined : new GrpcStatusError(code, percentDecoded(String(status['grpc-message'] ?? '')))
  }
  if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) {
    return new GrpcStatusError(GRPC_CODES.UNAVAILABLE, 'No connection established: the member takes no more calls')
  }
  return new GrpcStatusError(GRPC_CODES.UNAVAILABLE, 'Connection dropped')
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A flag (0: not compressed), the length, the message. */
function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, 5)
  return frame
}

function unframed(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks
  const frame = chunks.length === 1 && first ? first : Buffer.concat(chunks)
  return frame.subarray(5)
}
