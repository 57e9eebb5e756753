/**
 * The client side of a member: etcd's services on its client URLs, in plain text or with (mutual) TLS.
 */
import { Readable, type Writable } from 'node:stream'
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Clock } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { type ConnectionTakers, type ListenerTls, listenForClients } from '#kit/etcd-api/client-listener.ts'
import type { LeaseKeepAliveResponse, SnapshotResponse } from '#kit/etcd-api/messages.ts'
import { type ServiceName, serviceDefinition } from '#kit/etcd-api/services.ts'
import { authDefinition, authImplementation } from './auth-service.ts'
import type { Engine } from './engine.ts'
import { healthDefinition, healthImplementation } from './health-service.ts'
import { createHttpService } from './http-service.ts'
import { kvHandlers } from './kv-service.ts'
import { leaseHandlers } from './lease-service.ts'
import { maintenanceHandlers, snapshotPieces } from './maintenance-service.ts'
import { clusterHandlers } from './member-service.ts'
import { guardStream, type Handler, onEnd, refusedByLearners, toServiceError, unary } from './rpc.ts'
import { watchCall } from './watch-service.ts'

export interface GrpcServerOptions {
  readonly engine: Engine
  readonly listenClientUrls: readonly string[]
  readonly tls?: ListenerTls
  readonly minLeaseTtlSeconds: number
  /** How often watches that ask for it are told how far they are, while nothing happens. */
  readonly watchProgressIntervalMs: number
  readonly clock: Clock
  readonly log: Log
}

/** Upstream's request limit, with its allowance for the envelope. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024

/** A client that vanished without a word does not keep its watches for ever. Upstream's `--grpc-keepalive-interval` and `-timeout`. */
const KEEPALIVE_INTERVAL_MS = 2 * 3_600_000
const KEEPALIVE_TIMEOUT_MS = 20_000

export async function startGrpcServer(options: GrpcServerOptions): Promise<RunningComponent> {
  const { engine, log } = options
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': 100_000,
    'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  })
  const lease = leaseHandlers(engine, options.minLeaseTtlSeconds)
  const add = (service: ServiceName, handlers: object, streams: UntypedServiceImplementation = {}) => {
    const definition = serviceDefinition(service, 'byte-string')
    const unaryNames = Object.keys(definition).filter((name) => name in handlers && !definition[name]!.requestStream)
    const implementation = unaryNames.map((name) => {
      const handler = handlers[name as keyof typeof handlers] as Handler<object, object>
      return [name, unary(engine, log, refusedByLearners(engine, `${service}.${name}`, handler))]
    })
    server.addService(definition, { ...Object.fromEntries(implementation), ...streams })
  }
  add('KV', kvHandlers(engine))
  add('Watch', {}, { Watch: watchCall(options) })
  add('Lease', lease, { LeaseKeepAlive: keepAliveCall(options, lease.keepAlive) })
  add('Cluster', clusterHandlers(engine, options.clock))
  add('Maintenance', maintenanceHandlers(engine), { Snapshot: snapshotCall(options) })
  server.addService(authDefinition, authImplementation)
  server.addService(healthDefinition, healthImplementation)
  return listen(server, options)
}

/** TLS ends before gRPC begins: the listener must see what is inside. */
async function listen(server: Server, options: GrpcServerOptions): Promise<RunningComponent> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const http = createHttpService(options.engine)
  const takers: ConnectionTakers = {
    http2: (connection) => injector.injectConnection(connection),
    http1: (connection) => void http.emit('connection', connection),
  }
  const listeners = await Promise.all(options.listenClientUrls.map((url) => listenForClients(url, options.tls, takers)))
  return {
    async stop() {
      for (const listener of listeners) listener.close()
      server.forceShutdown()
      http.closeAllConnections()
    },
  }
}

function keepAliveCall({ engine, log }: GrpcServerOptions, keepAlive: (ID: string) => Promise<LeaseKeepAliveResponse>) {
  return (call: ServerDuplexStream<{ ID: string }, LeaseKeepAliveResponse>) => {
    const fail = (error: unknown) => call.emit('error', toServiceError(error, log))
    guardStream(engine, call, fail)
    call.on('data', ({ ID }: { ID: string }) => {
      keepAlive(ID).then((response) => call.write(response), fail)
    })
    call.on('end', () => call.end())
  }
}

/** The stream takes pieces no faster than the client does. */
function snapshotCall({ engine, log }: GrpcServerOptions) {
  return (call: ServerWritableStream<object, SnapshotResponse<string>>) => {
    const pieces = Readable.from(snapshotPieces(engine))
    const fail = (error: unknown) => call.emit('error', toServiceError(error, log))
    guardStream(engine, call, fail)
    onEnd(call, () => pieces.destroy())
    pieces.on('error', fail)
    pieces.pipe(call as Writable)
  }
}
