/**
 * One suite for two: every test in this folder runs against our member and against the real etcd, and means the same for both.
 *
 * The real one here may be 3.4, while ours does what 3.5 and 3.6 do; where they differ, a test says so and asks `target.isOurs`.
 */
import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import { EtcdError } from '#kit/etcd-api/errors.ts'
import { type ServiceName, serviceDefinition } from '#kit/etcd-api/services.ts'
import { hasTool } from '#kit/testing/tools.ts'

export interface Target {
  readonly isOurs: boolean
  /** Set while the tests run. */
  readonly endpoint: string
  readonly client: EtcdClient
  readonly wire: Wire
}

/** A member of each kind, empty at first; the tests of one file share it. */
export function describeApi(title: string, body: (target: Target) => void, flags: readonly string[] = []): void {
  describe(`${title}: our member`, () => runOn('ours', body, flags))
  describeReal(`${title}: the real etcd`, () => runOn('real', body, flags))
}

function describeReal(title: string, body: () => void): void {
  if (hasTool('etcd') || process.env.CI) {
    describe(title, body)
    return
  }
  console.warn(`SKIPPED: "${title}" needs etcd, which this machine lacks (npm run doctor says how to get it).`)
  describe.skip(title, body)
}

function runOn(program: 'ours' | 'real', body: (target: Target) => void, flags: readonly string[]): void {
  let members: EtcdProcesses | undefined
  const target: Mutable<Target> = { isOurs: program === 'ours', endpoint: '', client: undefined!, wire: undefined! }
  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 1, program, flags })
    target.endpoint = members.endpoint('a')
    target.client = createEtcdClient({ endpoints: members.endpoints })
    target.wire = openWire(target.endpoint)
    await serving(target.client)
  }, 60_000)
  afterAll(async () => {
    target.client?.close()
    target.wire?.close()
    await members?.stop()
  })
  body(target)
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }

/** Resolves when a member answers writes; one that is just starting has no leader yet. */
export async function serving(client: EtcdClient): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await client.deleteRange({ key: '\0nothing' }).catch(() => undefined)) return
  }
  throw new Error('the member does not answer')
}

/** The gRPC calls themselves, for what a well-behaved client does not do. */
export interface Wire {
  call<Response>(service: ServiceName, method: string, request: object): Promise<Response>
  /** All that a server stream sends. */
  collect<Response>(service: ServiceName, method: string, request: object): Promise<Response[]>
  open<Request extends object, Response>(service: ServiceName, method: string): Conversation<Request, Response>
  close(): void
}

/** A stream in both directions, read one message at a time. */
export interface Conversation<Request, Response> {
  say(request: Request): void
  hear(): Promise<Response>
  /** What has been sent and not been heard yet. */
  readonly unheard: readonly Response[]
  end(): void
}

function openWire(endpoint: string): Wire {
  const options = { 'grpc.max_receive_message_length': -1, 'grpc.use_local_subchannel_pool': 1 }
  const client = new Client(endpoint, credentials.createInsecure(), options)
  const method = (service: ServiceName, name: string) => serviceDefinition(service, 'buffer')[name]!
  return {
    call(service, name, request) {
      const { path, requestSerialize, responseDeserialize } = method(service, name)
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) =>
          error ? reject(error) : resolve(response as never),
        )
      })
    },
    collect(service, name, request) {
      const { path, requestSerialize, responseDeserialize } = method(service, name)
      return new Promise((resolve, reject) => {
        const pieces: unknown[] = []
        const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request)
        stream.on('data', (piece) => pieces.push(piece))
        stream.on('error', reject)
        stream.on('end', () => resolve(pieces as never))
      })
    },
    open(service, name) {
      const { path, requestSerialize, responseDeserialize } = method(service, name)
      const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata())
      return converse(stream as ClientDuplexStream<object, never>)
    },
    close: () => client.close(),
  }
}

function converse<Request extends object, Response>(
  stream: ClientDuplexStream<Request, Response>,
): Conversation<Request, Response> {
  const unheard: Response[] = []
  let failure: unknown
  let wake = () => {}
  stream.on('data', (response: Response) => {
    unheard.push(response)
    wake()
  })
  stream.on('error', (error) => {
    failure = error
    wake()
  })
  return {
    unheard,
    say: (request) => void stream.write(request),
    async hear() {
      while (unheard.length === 0) {
        if (failure) throw failure
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return unheard.shift()!
    },
    end: () => stream.cancel(),
  }
}

/** `CODE: text` of what a call is refused with; 'accepted' when it is not. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'accepted'
  } catch (error) {
    if (error instanceof EtcdError) return `${error.code}: ${error.message}`
    throw error
  }
}

let count = 0

/** A prefix that no other test uses. */
export function freshPrefix(name: string): {
  readonly prefix: string
  readonly all: { key: string; rangeEnd: string }
} {
  const prefix = `${name}-${++count}/`
  return { prefix, all: { key: prefix, rangeEnd: `${prefix.slice(0, -1)}0` } }
}

/** What both kinds of member are held to. */
export function story(scenario: string, source = 'etcd api/etcdserverpb/rpc.proto') {
  const rule = 'The same request has the same answer, from our member and from etcd.'
  return { scenario, rule, source, timeoutMs: 30_000 }
}
