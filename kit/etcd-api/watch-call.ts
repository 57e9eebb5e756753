/**
 * A watch that survives lost connections.
 *
 * It keeps the revision to go on from: after each answer the next one, so a new stream, to the same or another member,
 * continues where the old one broke. Events arrive in order of revision, each exactly once, all of one revision together.
 * It ends for good when cancelled, or when a member cancels it (for instance because the revision is compacted).
 */
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { EtcdError, etcdErrors, fromGrpcFailure } from './errors.ts'
import type { KeyEvent, Sparse, WatchCreateRequest, WatchRequest, WatchResponse } from './messages.ts'

export interface WatchHandlers {
  /** Events of one or more whole revisions; `revision` is the store's when they were sent. */
  onEvents(events: readonly KeyEvent[], revision: number): void
  /** Everything up to and including `revision` has been delivered. */
  onProgress?(revision: number): void
  /** The watch stands, for the first time or again; the store is at `revision`. */
  onCreated?(revision: number): void
  /** The watch is over; an error tells why, unless it was cancelled by us. */
  onEnd?(error?: EtcdError): void
}

export interface WatchHandle {
  cancel(): void
  /** Asks for an `onProgress` as soon as this watch has caught up. */
  requestProgress(): void
}

type WatchStream = ClientDuplexStream<object, WatchResponse>

const RETRY_DELAY_MS = 100

export function startWatch(
  openStream: () => WatchStream,
  request: Sparse<WatchCreateRequest>,
  handlers: WatchHandlers,
): WatchHandle {
  let nextRevision = request.startRevision ?? 0
  let stream: WatchStream | undefined
  let retry: NodeJS.Timeout | undefined
  let ended = false
  let received: KeyEvent[] = []

  const connect = () => {
    received = []
    const current = openStream()
    stream = current
    current.on('data', (response: WatchResponse) => {
      if (current === stream) receive(response)
    })
    current.on('error', (failure) => {
      if (current === stream) reconnect(failure)
    })
    current.on('end', () => {
      if (current === stream) reconnect(undefined)
    })
    write({ createRequest: { ...request, startRevision: nextRevision } })
  }

  const write = (message: Sparse<WatchRequest>) => {
    if (stream?.writable) stream.write(message)
  }

  const reconnect = (failure: unknown) => {
    stream = undefined
    const error = failure === undefined ? undefined : fromGrpcFailure(failure)
    if (ended) return
    if (error && FINAL_CODES.has(error.code)) return end(error)
    retry = setTimeout(connect, RETRY_DELAY_MS)
  }

  const receive = (response: WatchResponse) => {
    if (ended) return
    const revision = response.header?.revision ?? 0
    if (response.canceled) return end(cancelError(response))
    if (response.created) {
      // "From now on" must mean the same now after a reconnection.
      if (nextRevision === 0) nextRevision = revision + 1
      handlers.onCreated?.(revision)
    } else if (response.events.length === 0) {
      nextRevision = Math.max(nextRevision, revision + 1)
      handlers.onProgress?.(revision)
    } else {
      receiveEvents(response, revision)
    }
  }

  const receiveEvents = (response: WatchResponse, revision: number) => {
    received.push(...response.events)
    if (response.fragment) return
    const events = received
    received = []
    nextRevision = events.at(-1)!.kv.modRevision + 1
    handlers.onEvents(events, revision)
  }

  const end = (error?: EtcdError) => {
    if (ended) return
    ended = true
    clearTimeout(retry)
    const last = stream
    stream = undefined
    last?.on('error', () => {})
    last?.cancel()
    handlers.onEnd?.(error)
  }

  connect()
  return { cancel: () => end(), requestProgress: () => write({ progressRequest: {} }) }
}

/** Failures that a new stream would meet again. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'INVALID_ARGUMENT',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'UNIMPLEMENTED',
])

function cancelError(response: WatchResponse): EtcdError {
  if (response.compactRevision > 0) {
    const { code, message } = etcdErrors.compacted()
    return new EtcdError(code, message, { compactRevision: response.compactRevision })
  }
  return new EtcdError('CANCELLED', response.cancelReason || 'the member cancelled the watch', { definite: true })
}
