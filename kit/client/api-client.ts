/**
 * Kubernetes REST with JSON, over one pool of kept-alive connections.
 *
 * Guarantees: a `Status` answer becomes a StatusError with the server's reason; a connection that breaks before the answer
 * becomes a ConnectionError (the write may have happened); a watch that the server ends, ends.
 */
import http from 'node:http'
import https from 'node:https'
import type { ApiObject, Stored } from '../api/objects.ts'
import { apiVersionOf, type Resource, resourcePath } from '../api/resources.ts'
import { type Status, StatusError } from '../api/status-error.ts'
import {
  type ApiClient,
  ConnectionError,
  type DeleteOptions,
  type ListOptions,
  type ObjectList,
  type ObjectRef,
  type PatchType,
  type WatchEvent,
  type WatchOptions,
} from '../contracts/api-client.ts'
import { jsonLines } from './json-lines.ts'
import type { Connection } from './kubeconfig.ts'

interface Call {
  readonly method: string
  readonly path: string
  readonly query?: Record<string, string | undefined>
  readonly body?: unknown
  readonly contentType?: string
  readonly signal?: AbortSignal
}

/** @param userAgent names the component in the API server's logs and managed fields. */
export function createApiClient(connection: Connection, userAgent = 'brain-and-muscle'): ApiClient {
  const base = new URL(connection.server)
  const transport = base.protocol === 'http:' ? http : https
  const agent = new transport.Agent({
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    ca: connection.certificateAuthority,
    cert: connection.clientCertificate,
    key: connection.clientKey,
    rejectUnauthorized: !connection.insecureSkipTlsVerify,
  })

  function send(call: Call): Promise<http.IncomingMessage> {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
    const headers: http.OutgoingHttpHeaders = { accept: 'application/json', 'user-agent': userAgent }
    if (connection.token) headers.authorization = `Bearer ${connection.token}`
    if (body) {
      headers['content-type'] = call.contentType ?? 'application/json'
      headers['content-length'] = body.length
    }
    return new Promise((resolve, reject) => {
      const request = transport.request(
        {
          agent,
          headers,
          method: call.method,
          host: base.hostname,
          port: base.port,
          path: call.path + queryString(call.query),
        },
        resolve,
      )
      // A listener of our own, taken off when the answer ends: the `signal` option of node:http would add one per request.
      const abort = () => request.destroy()
      call.signal?.addEventListener('abort', abort, { once: true })
      request.on('close', () => call.signal?.removeEventListener('abort', abort))
      request.on('error', (error) =>
        reject(new ConnectionError(`${call.method} ${base.origin}${call.path}: ${error.message}`)),
      )
      if (call.signal?.aborted) abort()
      request.end(body)
    })
  }

  async function call<T>(request: Call): Promise<T> {
    const response = await send(request)
    const text = await readText(response, request)
    if ((response.statusCode ?? 500) >= 400) throw statusErrorFrom(response.statusCode ?? 500, text)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  const namespaceFor = (resource: Resource, object: ApiObject, ref?: Partial<ObjectRef>) =>
    resource.namespaced ? (ref?.namespace ?? object.metadata?.namespace ?? 'default') : undefined

  return {
    get: (resource, ref) => call({ method: 'GET', path: resourcePath(resource, ref) }),

    async list<T>(resource: Resource, options: ListOptions = {}) {
      const { namespace, ...query } = options
      const list = await call<{ metadata: { resourceVersion: string }; items: Stored<T>[] | null }>({
        method: 'GET',
        path: resourcePath(resource, { namespace }),
        query,
      })
      const items = (list.items ?? []).map((item) => withType(resource, item))
      return { resourceVersion: list.metadata.resourceVersion, items } satisfies ObjectList<T>
    },

    create: (resource, object, ref) =>
      call({
        method: 'POST',
        path: resourcePath(resource, {
          namespace: namespaceFor(resource, object as ApiObject, ref),
          name: ref?.name,
          subresource: ref?.subresource,
        }),
        // A subresource's body is a kind of its own (Binding, Eviction): it says so itself.
        body: ref?.subresource ? object : withType(resource, object),
      }),

    update(resource, object, subresource) {
      const { metadata } = object as ApiObject
      if (!metadata?.name) throw new TypeError(`update of a ${resource.kind} without metadata.name`)
      const namespace = namespaceFor(resource, object as ApiObject)
      return call({
        method: 'PUT',
        path: resourcePath(resource, { namespace, name: metadata.name, subresource }),
        body: withType(resource, object),
      })
    },

    patch: (resource, ref, type: PatchType, patch) =>
      call({ method: 'PATCH', path: resourcePath(resource, ref), body: patch, contentType: type }),

    async delete(resource, ref, options: DeleteOptions = {}) {
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...options }
      await call({ method: 'DELETE', path: resourcePath(resource, ref), body })
    },

    async *watch<T>(resource: Resource, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
      const { namespace, timeoutSeconds, ...selection } = options
      const path = resourcePath(resource, { namespace })
      const query = {
        ...selection,
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: timeoutSeconds?.toString(),
      }
      const response = await send({ method: 'GET', path, query, signal })
      if (response.statusCode !== 200) {
        const text = await readText(response, { method: 'GET', path })
        throw statusErrorFrom(response.statusCode ?? 500, text)
      }
      try {
        for await (const line of jsonLines(response)) {
          const event = line as WatchEvent<T> | { type: 'ERROR'; object: Partial<Status> }
          if (event.type === 'ERROR') throw StatusError.from(event.object)
          yield event
        }
      } catch (error) {
        if (signal.aborted) return
        throw error instanceof StatusError ? error : new ConnectionError(`watch ${path}: ${(error as Error).message}`)
      } finally {
        response.destroy()
      }
    },

    raw: (method, path, body) => call({ method, path, ...(body === undefined ? {} : { body }) }),
    close: () => agent.destroy(),
  }
}

/** Lists leave apiVersion and kind out of their items, and callers may leave them out of what they send. */
function withType<T>(resource: Resource, object: T): T {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object }
}

function queryString(query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '',
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

async function readText(response: http.IncomingMessage, call: Pick<Call, 'method' | 'path'>): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (error) {
    throw new ConnectionError(`${call.method} ${call.path}: the answer broke off: ${(error as Error).message}`)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function statusErrorFrom(code: number, text: string): StatusError {
  try {
    const status = JSON.parse(text) as Partial<Status>
    if (status.kind === 'Status') return StatusError.from(status)
  } catch {
    // Not JSON: a proxy or another server answered. Its text is all there is to say.
  }
  return new StatusError(code, 'Unknown', `the server answered ${code}: ${text.slice(0, 500)}`)
}
