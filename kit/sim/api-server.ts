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
import { type Resource, resources } from '../api/resources.ts'
import { StatusError } from '../api/status-error.ts'
import { createApiClient } from '../client/api-client.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import { type Clock, systemClock } from '../contracts/clock.ts'
import { applyPatch } from './api-server/patch.ts'
import { matches } from './api-server/select.ts'
import { type DeletionRequest, type HistoryEntry, type SimObject, SimStore } from './api-server/store.ts'

/** A write that the server was asked for, for tests that count them. */
export interface SeenRequest {
  readonly method: string
  /** Without the query: "/api/v1/namespaces/default/pods/web-1/status". */
  readonly path: string
  readonly body: unknown
}

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

interface Target {
  /** "pods", "deployments.apps" */
  readonly resource: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly subresource: string
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

function storeName({ group, plural }: { group: string; plural: string }): string {
  // Both groups of events are one storage, as upstream.
  return group && plural !== 'events' ? `${plural}.${group}` : plural
}

function parseTarget(path: string): Target {
  const match = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(.+)$/.exec(path)
  if (!match) throw new StatusError(404, 'NotFound', `the server could not find the requested resource: ${path}`)
  const [, coreVersion, group = '', groupVersion = '', rest = ''] = match
  const parts = rest.split('/').map(decodeURIComponent)
  const inNamespace = parts[0] === 'namespaces' && parts.length > 2 && !['status', 'finalize'].includes(parts[2]!)
  const namespace = inNamespace ? parts[1] : undefined
  const [plural = '', name, subresource = ''] = inNamespace ? parts.slice(2) : parts
  const known = Object.values(resources).find((one) => one.plural === plural && one.group === group)
  return {
    resource: storeName({ group, plural }),
    apiVersion: group ? `${group}/${groupVersion}` : (coreVersion ?? 'v1'),
    kind: known?.kind ?? plural,
    namespace,
    name,
    subresource,
  }
}

function answerTo(
  store: SimStore,
  target: Target,
  request: SeenRequest,
  query: URLSearchParams,
  contentType: string,
): unknown {
  const { resource, namespace, name, subresource } = target
  const typed = (object: SimObject) => ({ apiVersion: target.apiVersion, kind: target.kind, ...object })
  switch (request.method) {
    case 'GET': {
      if (name) return typed(store.get(resource, namespace, name))
      const items = store.list(resource, namespace).filter((object) => isSelected(object, query))
      const metadata = { resourceVersion: String(store.revision) }
      return { apiVersion: target.apiVersion, kind: `${target.kind}List`, metadata, items }
    }
    case 'POST':
      if (subresource === 'binding' && name) return bind(store, namespace, name, request.body as ApiObject)
      return typed(store.create(resource, request.body as ApiObject, namespace))
    case 'PUT':
      return typed(store.update(resource, namespace, name ?? '', request.body as ApiObject, subresource))
    case 'PATCH': {
      const current = store.get(resource, namespace, name ?? '')
      const patched = applyPatch(current, contentType.split(';')[0] ?? '', request.body) as ApiObject
      return typed(store.update(resource, namespace, name ?? '', patched, subresource))
    }
    case 'DELETE': {
      const options = (request.body ?? {}) as DeletionRequest
      const grace = query.get('gracePeriodSeconds')
      const deletion = grace === null ? options : { ...options, gracePeriodSeconds: Number(grace) }
      if (name) return typed(store.delete(resource, namespace, name, deletion))
      const selected = store.list(resource, namespace).filter((object) => isSelected(object, query))
      for (const { metadata } of selected) store.delete(resource, metadata.namespace, metadata.name, deletion)
      return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 200 }
    }
    default:
      throw new StatusError(405, 'MethodNotAllowed', `the server does not allow ${request.method} on ${request.path}`)
  }
}

function isSelected(object: SimObject, query: URLSearchParams): boolean {
  return matches(object, query.get('labelSelector') ?? '', query.get('fieldSelector') ?? '')
}

/** What POST pods/x/binding does: sets the node once, and says so in a condition. */
function bind(store: SimStore, namespace: string | undefined, name: string, binding: ApiObject): unknown {
  const pod = store.get('pods', namespace, name) as SimObject & {
    spec: { nodeName?: string }
    status: { conditions?: object[] }
  }
  if (pod.spec.nodeName) {
    throw new StatusError(
      409,
      'Conflict',
      `Operation cannot be fulfilled on pods/binding "${name}": pod ${name} is already assigned to node "${pod.spec.nodeName}"`,
    )
  }
  const { target } = binding as { target?: { name?: string } }
  const bound = store.update('pods', namespace, name, { ...pod, spec: { ...pod.spec, nodeName: target?.name } }, '')
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: bound.metadata.creationTimestamp,
  }
  const others = (pod.status?.conditions ?? []).filter(
    (condition) => (condition as { type?: string }).type !== 'PodScheduled',
  )
  store.update(
    'pods',
    namespace,
    name,
    { ...bound, status: { ...pod.status, conditions: [...others, scheduled] } },
    'status',
  )
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
}

function watch(store: SimStore, target: Target, query: URLSearchParams, response: http.ServerResponse): void {
  const asked = Number(query.get('resourceVersion') ?? 0)
  const write = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
  if (asked > 0 && asked < store.compactedRevision) {
    const gone = new StatusError(410, 'Expired', `too old resource version: ${asked} (${store.compactedRevision})`)
    write('ERROR', gone.toStatus())
    response.end()
    return
  }
  const typed = (object: SimObject) => ({ apiVersion: target.apiVersion, kind: target.kind, ...object })
  const isMine = (object: SimObject) =>
    (!target.namespace || object.metadata.namespace === target.namespace) && isSelected(object, query)
  const tell = ({ resource, type, object, previous }: HistoryEntry) => {
    if (resource !== target.resource) return
    const before = previous !== undefined && isMine(previous)
    const after = type !== 'DELETED' && isMine(object)
    // An object that starts or stops matching the selector appears or disappears, as upstream's watch has it.
    if (after) write(before ? 'MODIFIED' : 'ADDED', typed(object))
    else if (before) write('DELETED', typed(object))
  }
  if (asked === 0) {
    for (const object of store.list(target.resource, target.namespace))
      if (isSelected(object, query)) write('ADDED', typed(object))
  } else {
    for (const entry of store.history) if (entry.revision > asked) tell(entry)
  }
  response.on('close', store.subscribe(tell))
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
