/**
 * Unary gRPC calls over plain HTTP/2 with as little work as possible: a frame out, and of the answer only its status.
 *
 * A load generator runs on the same cores as what it measures, and @grpc/grpc-js takes several times as long for a call as a server
 * needs to answer it: with it, every server would look alike.
 *
 * Source: "gRPC over HTTP/2" (PROTOCOL-HTTP2.md): a message is a flag byte, its length (4 bytes), its bytes.
 */
import { type ClientHttp2Session, connect } from 'node:http2'

export interface GrpcPool {
  /** Resolves when the call was answered with status 0 (OK), rejects with the server's message otherwise. */
  call(client: number, path: string, message: Uint8Array): Promise<void>
  close(): void
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
  return {
    call: (client, path, message) => call(connections[Math.floor(client / CLIENTS_PER_CONNECTION)]!, path, message),
    close() {
      for (const connection of connections) connection.destroy()
    },
  }
}

function call(connection: ClientHttp2Session, path: string, message: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = connection.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
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

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, 5)
  return framed
}
