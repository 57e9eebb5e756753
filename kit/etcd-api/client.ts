/**
 * A client of etcd's v3 API, for our members and for the real etcd alike.
 *
 * Messages are plain data (messages.ts): bytes are Buffers (text is accepted and sent as UTF-8), revisions are numbers, ids
 * of leases, members and clusters are decimal strings. A failed call throws `EtcdError` with the gRPC code, upstream's
 * text, and whether the failure is definite.
 *
 * It talks to one endpoint and moves to the next when that one cannot be reached or has no leader. A read is then
 * tried again; a write only when it certainly had no effect, since doing it twice may not be the same as doing it once.
 */
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
} from '@grpc/grpc-js'
import { EtcdError, fromGrpcFailure } from './errors.ts'
import type {
  AlarmRequest,
  AlarmResponse,
  CompactionRequest,
  CompactionResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  HashKVRequest,
  HashKVResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  MemberListRequest,
  MemberListResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  Sparse,
  StatusResponse,
  TxnRequest,
  TxnResponse,
  WatchCreateRequest,
  WatchResponse,
} from './messages.ts'
import { type ServiceName, serviceDefinition } from './services.ts'
import { UnaryChannel } from './unary-channel.ts'
import { startWatch, type WatchHandle, type WatchHandlers } from './watch-call.ts'

export type { EtcdError } from './errors.ts'
export type { WatchHandle, WatchHandlers } from './watch-call.ts'

export interface EtcdClientOptions {
  /** `https://127.0.0.1:2379`, or without the scheme. */
  readonly endpoints: readonly string[]
  /** PEM texts. Left out: plain text. */
  readonly tls?: { readonly ca: string | Buffer; readonly cert?: string | Buffer; readonly key?: string | Buffer }
  /** For one call, all its retries included. Default 15,000: more than a member takes to give up. */
  readonly timeoutMs?: number
}

export interface EtcdClient {
  range(request: Sparse<RangeRequest>): Promise<RangeResponse>
  put(request: Sparse<PutRequest>): Promise<PutResponse>
  deleteRange(request: Sparse<DeleteRangeRequest>): Promise<DeleteRangeResponse>
  txn(request: Sparse<TxnRequest>): Promise<TxnResponse>
  compact(request: Sparse<CompactionRequest>): Promise<CompactionResponse>
  /** Watches until cancelled, over reconnections too. */
  watch(request: Sparse<WatchCreateRequest>, handlers: WatchHandlers): WatchHandle
  leaseGrant(request: Sparse<LeaseGrantRequest>): Promise<LeaseGrantResponse>
  leaseRevoke(request: { readonly ID: string }): Promise<LeaseRevokeResponse>
  /** Renews once. */
  leaseKeepAlive(request: { readonly ID: string }): Promise<LeaseKeepAliveResponse>
  leaseTimeToLive(request: Sparse<LeaseTimeToLiveRequest>): Promise<LeaseTimeToLiveResponse>
  leaseLeases(): Promise<LeaseLeasesResponse>
  memberList(request?: Sparse<MemberListRequest>): Promise<MemberListResponse>
  /** Of one member: the endpoint named, or the one in use. */
  status(endpoint?: string): Promise<StatusResponse>
  hashKV(request?: Sparse<HashKVRequest>, endpoint?: string): Promise<HashKVResponse>
  alarm(request?: Sparse<AlarmRequest>): Promise<AlarmResponse>
  close(): void
}

type Unary = MethodDefinition<object, object>

/** How long members that cannot be reached, or have no leader, are tried again: longer than an election takes. */
const PATIENCE_MS = 5_000

interface CallRules {
  /** Doing it twice is the same as doing it once. */
  readonly idempotent: boolean
  readonly endpoint?: string
}

export function createEtcdClient(options: EtcdClientOptions): EtcdClient {
  if (options.endpoints.length === 0) throw new RangeError('an etcd client needs at least one endpoint')
  const timeoutMs = options.timeoutMs ?? 15_000
  const endpoints = createEndpoints(options)

  /** Runs a call on the current endpoint (or the named one), and on the next ones while that is safe. */
  const withFailover = async <Response>(
    run: (member: Member, deadline: number) => Promise<Response>,
    { idempotent, endpoint }: CallRules,
  ): Promise<Response> => {
    const deadline = Date.now() + timeoutMs
    const patienceEnds = Date.now() + Math.min(timeoutMs, PATIENCE_MS)
    for (let attempt = 1; ; attempt++) {
      const member = endpoint === undefined ? endpoints.current() : endpoints.named(endpoint)
      try {
        return await run(member, deadline)
      } catch (failure) {
        const error = fromGrpcFailure(failure)
        if (endpoint !== undefined || error.code !== 'UNAVAILABLE') throw error
        endpoints.leave(member)
        const mayRepeat = idempotent || error.definite
        if (!mayRepeat || Date.now() >= patienceEnds) throw error
        // A whole round has failed: give an election, or a member that is just starting, a moment.
        if (attempt % options.endpoints.length === 0) await pause(200)
      }
    }
  }

  const call = <Response>(service: ServiceName, method: string, request: object, rules: CallRules) => {
    const definition = serviceDefinitionOf(service)[method] as Unary
    return withFailover(
      ({ unary }, deadline) => unaryCall(unary, definition, request, deadline),
      rules,
    ) as Promise<Response>
  }

  const openWatchStream = () => {
    const member = endpoints.current()
    const stream = openStream<WatchResponse>(member.streams, 'Watch', 'Watch')
    stream.on('error', (failure) => {
      if (fromGrpcFailure(failure).code === 'UNAVAILABLE') endpoints.leave(member)
    })
    return stream
  }

  const keepAlive = ({ streams }: Member) => openStream<LeaseKeepAliveResponse>(streams, 'Lease', 'LeaseKeepAlive')

  const read = { idempotent: true }
  const write = { idempotent: false }
  return {
    range: (request) => call('KV', 'Range', request, read),
    put: (request) => call('KV', 'Put', request, write),
    deleteRange: (request) => call('KV', 'DeleteRange', request, write),
    txn: (request) => call('KV', 'Txn', request, write),
    compact: (request) => call('KV', 'Compact', request, write),
    watch: (request, handlers) => startWatch(openWatchStream, request, handlers),
    leaseGrant: (request) => call('Lease', 'LeaseGrant', request, write),
    leaseRevoke: (request) => call('Lease', 'LeaseRevoke', request, write),
    leaseKeepAlive: (request) =>
      withFailover((member, deadline) => askOnce(keepAlive(member), request, deadline), read),
    leaseTimeToLive: (request) => call('Lease', 'LeaseTimeToLive', request, read),
    leaseLeases: () => call('Lease', 'LeaseLeases', {}, read),
    memberList: (request = {}) => call('Cluster', 'MemberList', request, read),
    status: (endpoint) => call('Maintenance', 'Status', {}, { ...read, ...(endpoint && { endpoint }) }),
    hashKV: (request = {}, endpoint) =>
      call('Maintenance', 'HashKV', request, { ...read, ...(endpoint && { endpoint }) }),
    alarm: (request = {}) => call('Maintenance', 'Alarm', request, read),
    close: () => endpoints.close(),
  }
}

/** The two ways to talk to one member. */
interface Member {
  readonly unary: UnaryChannel
  readonly streams: Client
}

interface Endpoints {
  current(): Member
  named(endpoint: string): Member
  /** Moves on to the next endpoint, unless someone already has. */
  leave(member: Member): void
  close(): void
}

/** Connections are opened when first used. */
function createEndpoints({ endpoints, tls }: EtcdClientOptions): Endpoints {
  const members = new Map<string, Member>()
  let position = 0
  const named = (endpoint: string) => {
    let member = members.get(endpoint)
    if (!member) {
      const address = endpoint.replace(/^https?:\/\//, '')
      member = {
        unary: new UnaryChannel({ url: `${tls ? 'https' : 'http'}://${address}`, tls }),
        streams: new Client(address, channelCredentials(tls), CHANNEL_OPTIONS),
      }
      members.set(endpoint, member)
    }
    return member
  }
  const current = () => named(endpoints[position]!)
  return {
    current,
    named,
    leave(member) {
      if (member === current()) position = (position + 1) % endpoints.length
    },
    close() {
      for (const { unary, streams } of members.values()) {
        unary.close()
        streams.close()
      }
      members.clear()
    },
  }
}

const CHANNEL_OPTIONS = {
  // A closed client must not touch the connections of another to the same member.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
}

function channelCredentials(tls: EtcdClientOptions['tls']): ChannelCredentials {
  if (!tls) return credentials.createInsecure()
  const pem = (text: string | Buffer | undefined) => (text === undefined ? null : Buffer.from(text))
  return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert))
}

const definitions = new Map<ServiceName, ReturnType<typeof serviceDefinition>>()

function serviceDefinitionOf(service: ServiceName) {
  let definition = definitions.get(service)
  if (!definition) {
    definition = serviceDefinition(service, 'buffer')
    definitions.set(service, definition)
  }
  return definition
}

async function unaryCall(channel: UnaryChannel, method: Unary, request: object, deadline: number): Promise<object> {
  return method.responseDeserialize(await channel.call(method.path, method.requestSerialize(request), deadline))
}

function openStream<Response>(
  client: Client,
  service: ServiceName,
  method: string,
): ClientDuplexStream<object, Response> {
  const { path, requestSerialize, responseDeserialize } = serviceDefinitionOf(service)[method]!
  const metadata = new Metadata()
  // Members without a leader then end the stream instead of leaving it silent.
  metadata.set('hasleader', 'true')
  return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata) as ClientDuplexStream<
    object,
    Response
  >
}

/** Sends one message on a stream and takes the first answer. */
function askOnce<Response>(
  stream: ClientDuplexStream<object, Response>,
  request: object,
  deadline: number,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new EtcdError('DEADLINE_EXCEEDED', 'no answer in time'))
      stream.cancel()
    }, deadline - Date.now())
    stream.on('data', (response: Response) => {
      clearTimeout(timer)
      resolve(response)
      stream.end()
    })
    stream.on('error', (failure) => {
      clearTimeout(timer)
      reject(failure)
    })
    stream.write(request)
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
