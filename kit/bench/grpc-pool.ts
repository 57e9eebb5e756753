/**
 * gRPC calls over plain HTTP/2 with as little work as possible: a frame out, and of an answer only its status, or the frames of a stream.
 *
 * A load generator runs on the same cores as what it measures, and @grpc/grpc-js takes several times as long for a call as a server
 * needs to answer it: with it, every server would look alike.
 *
 * Source: "gRPC over HTTP/2" (PROTOCOL-HTTP2.md): a message is a flag byte, its length (4 bytes), its bytes.
 */
import { type ClientHttp2Session, connect, constants } from 'node:http2'

export interface GrpcPool {
  /** Resolves when the call was answered with status 0 (OK), rejects with the server's message otherwise. */
  call(client: number, path: string, message: Uint8Array): Promise<void>
  /** Begins a call whose answers are a stream; returns how to cancel it, after which it says no more. */
  open(client: number, path: string, message: Uint8Array, listener: StreamListener): () => void
  close(): void
}

export interface StreamListener {
  onMessage(message: Buffer): void
  onEnd(error?: Error): void
}

/** So many clients share a connection, as the goroutines of one program would. */
const CLIENTS_PER_CONNECTION = 32

/** @param endpoint "http://127.0.0.1:2379" */
export function connectGrpc(endpoint: string, clients: number): GrpcPool {
  const connections = Array.from({ length: Math.ceil(clients / CLIENTS_PER_CONNECTION) }, () => {
    const session = connect(endpoint)
    // Calls that are under way hear of it themselves.
    session.on('error', () => {})
    return session
  })
  const connectionOf = (client: number) => connections[Math.floor(client / CLIENTS_PER_CONNECTION)]!
  return {
    call: (client, path, message) => call(connectionOf(client), path, message),
    open: (client, path, message, listener) => open(connectionOf(client), path, message, listener),
    close() {
      for (const connection of connections) connection.destroy()
    },
  }
}

function call(connection: ClientHttp2Session, path: string, message: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = connection.request(headersFor(path))
    let failure: string | undefined = 'the server closed the connection'
    const onHeaders = (headers: Record<string, unknown>) => {
      const status = headers['grpc-status']
      if (status !== undefined)
        failure = status === '0' ? undefined : `${headers['grpc-message'] ?? `status ${status}`}`
    }
    stream.on('response', onHeaders)
    stream.on('trailers', onHeaders)
    stream.on('error', (error) => {
      failure = error.message
    })
    stream.on('close', () => (failure === undefined ? resolve() : reject(new Error(failure))))
    stream.resume()
    stream.end(frame(message))
  })
}

function open(connection: ClientHttp2Session, path: string, message: Uint8Array, listener: StreamListener): () => void {
  const stream = connection.request(headersFor(path))
  let isOver = false
  const end = (error?: Error) => {
    if (!isOver) listener.onEnd(error)
    isOver = true
  }
  let rest: Buffer = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1)
      if (!isOver) listener.onMessage(rest.subarray(5, end))
      rest = rest.subarray(end)
    }
  })
  stream.on('error', end)
  stream.on('close', () => end())
  stream.write(frame(message))
  return () => {
    isOver = true
    stream.close(constants.NGHTTP2_CANCEL)
  }
}

function headersFor(path: string) {
  return { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
}

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, 5)
  return framed
}
