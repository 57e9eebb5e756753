/**
 * The Watch service: a gRPC stream for each client, and on it as many watches as the client likes.
 * Source: etcd `server/etcdserver/api/v3rpc/watch.go`.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { WatchRequest } from '#kit/etcd-api/messages.ts'
import type { WatchResponse } from '../mvcc/types.ts'
import type { GrpcServerOptions } from './grpc-server.ts'
import { guardStream, onEnd, toServiceError } from './rpc.ts'
import { Turns } from './turns.ts'
import { WatchStream } from './watch-stream.ts'

type WatchCall = ServerDuplexStream<WatchRequest<string>, WatchResponse>

export function watchCall({ engine, clock, log, watchProgressIntervalMs: progressIntervalMs }: GrpcServerOptions) {
  const turns = new Turns()
  return (call: WatchCall) => {
    const fail = (error: unknown) => {
      close()
      call.emit('error', toServiceError(error, log))
    }
    /** What goes wrong ends this stream, and no other. */
    const attempt = (run: () => void) => {
      try {
        run()
      } catch (error) {
        fail(error)
      }
    }
    const stream = new WatchStream({ engine, pipe: call, clock, turns, fail, progressIntervalMs })
    const stopListening = engine.onChange(() => attempt(() => stream.pump()))
    const close = () => {
      stopListening()
      stream.close()
    }
    onEnd(call, close)
    guardStream(engine, call, fail)
    call.on('data', (request: WatchRequest<string>) => attempt(() => stream.receive(request)))
    call.on('drain', () => attempt(() => stream.drained()))
    call.on('end', () => call.end())
  }
}
