/**
 * A small API server in memory, over real HTTP: the wire tests of labs 3 to 6 run against it, so that they need neither
 * lab 1 nor lab 2 and start within a millisecond.
 *
 * What it keeps: CRUD for any resource, resourceVersion conflicts, status as a subresource, bindings, patches, selectors,
 * watches that resume, bookmark and expire, graceful deletion and finalizers. What it lacks: defaulting, validation, TLS,
 * authorization.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ApiObject } from '../api/objects.ts'
import type { Resource } from '../api/resources.ts'
import { StatusError } from '../api/status-error.ts'
import { createApiClient } from '../client/api-client.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import { type Clock, systemClock } from '../contracts/clock.ts'
import { answerTo, parseTarget, type SeenRequest, storeName } from './api-server/answer.ts'
import { SimStore } from './api-server/store.ts'
import { watch } from './api-server/watch.ts'

export interface SimApiServer {
  /** "http://127.0.0.1:<port>" */
  readonly url: string
  readonly store: SimStore
  /** Every POST, PUT, PATCH and DELETE so far, in order. */
  readonly writes: SeenRequest[]
  client(): ApiClient
  /** Answers the next request that the predicate accepts with this error. */
  failNext(error: StatusError, accepts?: (request: SeenRequest) => boolean): void
  /** Breaks every open connection, as a crash of the server would; the objects stay. */
  dropConnections(): void
  /** Resolves with the first object that satisfies the predicate, now or later. Tests bound it with their own time-out. */
  until<T = ApiObject>(resource: Resource, key: string, satisfies: (object: T) => boolean): Promise<T>
  /** As `until`, for a whole list. */
  untilList<T = ApiObject>(resource: Resource, satisfies: (objects: readonly T[]) => boolean): Promise<readonly T[]>
  stop(): Promise<void>
}

export async function startSimApiServer({ clock = systemClock }: { clock?: Clock } = {}): Promise<SimApiServer> {
  const store = new SimStore(clock)
  const writes: SeenRequest[] = []
  const faults: { error: StatusError; accepts: (request: SeenRequest) => boolean }[] = []
  const clients: ApiClient[] = []

  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://sim')
    try {
      const body = await readJson(request)
      const seen = { method: request.method ?? 'GET', path: url.pathname, body }
      if (seen.method !== 'GET') writes.push(seen)
      const fault = faults.findIndex(({ accepts }) => accepts(seen))
      if (fault >= 0) throw faults.splice(fault, 1)[0]!.error
      const target = parseTarget(url.pathname)
      if (url.searchParams.get('watch') === 'true') return watch(store, target, url.searchParams, response)
      const answer = answerTo(store, target, seen, url.searchParams, request.headers['content-type'] ?? '')
      send(response, seen.method === 'POST' ? 201 : 200, answer)
    } catch (error) {
      const status =
        error instanceof StatusError ? error : new StatusError(500, 'InternalError', (error as Error).message)
      send(response, status.code, status.toStatus())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  function until<T>(read: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const found = read()
      if (found !== undefined) return resolve(found)
      const unsubscribe = store.subscribe(() => {
        const now = read()
        if (now === undefined) return
        unsubscribe()
        resolve(now)
      })
    })
  }

  return {
    url,
    store,
    writes,
    client() {
      const client = createApiClient({ server: url })
      clients.push(client)
      return client
    },
    failNext: (error, accepts = () => true) => void faults.push({ error, accepts }),
    dropConnections: () => server.closeAllConnections(),
    until<T>(resource: Resource, key: string, satisfies: (object: T) => boolean) {
      return until(() => {
        const all = store.list(storeName(resource))
        const found = all.find(
          ({ metadata: { namespace, name } }) => (namespace ? `${namespace}/${name}` : name) === key,
        )
        return found && satisfies(found as unknown as T) ? (found as unknown as T) : undefined
      })
    },
    untilList<T>(resource: Resource, satisfies: (objects: readonly T[]) => boolean) {
      return until(() => {
        const all = store.list(storeName(resource)) as unknown as readonly T[]
        return satisfies(all) ? all : undefined
      })
    },
    async stop() {
      for (const client of clients) client.close()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function readJson(request: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

function send(response: http.ServerResponse, code: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
