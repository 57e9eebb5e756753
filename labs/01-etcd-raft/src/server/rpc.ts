/**
 * From handlers that take and return plain data to gRPC: errors become statuses with upstream's codes and texts.
 */
import type { EventEmitter } from 'node:events'
import type { handleUnaryCall, Metadata, ServerUnaryCall, ServiceError } from '@grpc/grpc-js'
import type { Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { EtcdError, etcdErrors, GRPC_CODES } from '#kit/etcd-api/errors.ts'
import type { Engine } from './engine.ts'

export type Handler<Request, Response> = (request: Request) => Promise<Response> | Response

export function unary<Request, Response extends object>(
  engine: Engine,
  log: Log,
  handler: Handler<Request, Response>,
): handleUnaryCall<Request, Response> {
  return (call: ServerUnaryCall<Request, Response>, callback) => {
    void (async () => {
      try {
        requireLeader(engine, call.metadata)
        callback(null, await handler(call.request))
      } catch (error) {
        callback(toServiceError(error, log))
      }
    })()
  }
}

/**
 * What a learner answers: how it is, and reads that may be stale. Everything else would need a member that knows it is up to date.
 * Source: etcd `server/etcdserver/api/v3rpc/util.go` (`isRPCSupportedForLearner`).
 */
export function refusedByLearners(
  engine: Engine,
  method: string,
  handler: Handler<object, object>,
): Handler<object, object> {
  const mayBeStale = (request: object) => 'serializable' in request && request.serializable === true
  return (request) => {
    const isHarmless = method === 'Maintenance.Status' || (method === 'KV.Range' && mayBeStale(request))
    if (!isHarmless) requireVoter(engine)
    return handler(request)
  }
}

export function requireVoter(engine: Engine): void {
  if (engine.isLearner()) throw etcdErrors.notForLearners()
}

/** Clients that set `hasleader` would rather be refused at once than wait. */
export function requireLeader(engine: Engine, metadata: Metadata): void {
  if (metadata.get('hasleader')[0] === 'true' && !engine.hasLeader()) throw etcdErrors.noLeader()
}

/** How often a stream whose client asked for a leader looks whether there still is one. */
const LEADER_CHECK_MS = 500

/** A stream's conditions hold not only when it begins: `fail` is called as soon as one is broken. */
export function guardStream(engine: Engine, call: StreamCall, fail: (error: unknown) => void): void {
  const look = () => {
    try {
      requireVoter(engine)
      requireLeader(engine, call.metadata)
    } catch (error) {
      stop()
      fail(error)
    }
  }
  const looking = setInterval(look, LEADER_CHECK_MS)
  const stop = () => clearInterval(looking)
  onEnd(call, stop)
  look()
}

/** Calls `listener` when a stream is over, in whichever way; perhaps several times. */
export function onEnd(call: StreamCall, listener: () => void): void {
  for (const event of ['finish', 'close', 'cancelled', 'error']) call.on(event, listener)
}

type StreamCall = EventEmitter & { readonly metadata: Metadata }

export function toServiceError(error: unknown, log: Log): Partial<ServiceError> {
  if (error instanceof EtcdError) return { code: GRPC_CODES[error.code], details: error.message }
  log.error('a request failed', error)
  if (isNotImplemented(error)) return { code: GRPC_CODES.UNIMPLEMENTED, details: error.message }
  return { code: GRPC_CODES.INTERNAL, details: 'etcdserver: internal error' }
}
