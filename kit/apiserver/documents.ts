/**
 * Everything the server answers that is no object of a kind: health, version, discovery, OpenAPI, metrics.
 *
 * The core has already decided that the caller may see it. Paths that nobody serves get what upstream's router says: a
 * plain "404 page not found".
 */
import { createHash } from 'node:crypto'
import { apiVersionOf } from '../api/resources.ts'
import { StatusError } from '../api/status-error.ts'
import type { HttpServerOptions, KindRow } from '../contracts/apiserver.ts'
import { type Exchange, sendDocument, sendText } from './answer.ts'
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  groupVersions,
} from './discovery.ts'
import { type Check, healthAnswer } from './health.ts'
import { negotiateDiscovery } from './negotiation.ts'
import { sendOpenApi } from './openapi/serve.ts'
import type { RequestMetrics } from './request-metrics.ts'
import type { RequestTarget } from './request-query.ts'
import { serverVersion } from './server-version.ts'

export interface DocumentSources {
  readonly kinds: readonly KindRow[]
  readonly metrics: RequestMetrics
  /** "10.244.0.1:6443" */
  readonly serverAddress: string
  ready(): boolean
  /** Whether the store can be read. */
  storeAnswers(): Promise<boolean>
  readonly documentAt?: HttpServerOptions['documentAt']
}

export function sendDocumentAt(exchange: Exchange, target: RequestTarget, sources: DocumentSources): Promise<void> {
  const { method = 'GET' } = exchange.request
  const path = target.path.length > 1 ? target.path.replace(/\/+$/, '') : target.path
  if (method !== 'GET' && method !== 'HEAD') {
    // Clients that try versions of a group, newest first, go on to the next when there is nothing at all.
    if (!rootPaths(sources.kinds).includes(path)) return notFound(exchange)
    throw new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  }
  const further = sources.documentAt?.(path, sources.serverAddress)
  if (further) return sendDocument(exchange, further.contentType, further.body)
  const [, first = ''] = path.split('/')
  switch (first) {
    case 'healthz':
    case 'livez':
    case 'readyz':
      return sendHealth(exchange, path, target, checksOf(first, sources))
    case 'metrics':
      if (path !== '/metrics') return notFound(exchange)
      return sendText(exchange, 200, sources.metrics.text(), 'text/plain; version=0.0.4; charset=utf-8')
    case 'version':
      return path === '/version' ? sendJson(exchange, serverVersion()) : notFound(exchange)
    case 'api':
    case 'apis':
      return sendDiscovery(exchange, path, sources)
    case 'openapi':
      return sendOpenApi(exchange, target, path, sources.kinds)
    case '':
      return sendJson(exchange, { paths: rootPaths(sources.kinds) })
    default:
      return notFound(exchange)
  }
}

async function sendHealth(exchange: Exchange, path: string, { query }: RequestTarget, checks: readonly Check[]) {
  const { code, text } = await healthAnswer(path, query, checks)
  return sendText(exchange, code, text)
}

/** Under upstream's names. A server that is not ready need not be ended for it; one without etcd can do nothing. */
function checksOf(endpoint: string, { ready, storeAnswers }: DocumentSources): readonly Check[] {
  const always = (name: string): Check => ({ name, passes: () => true })
  const whenReady = (name: string): Check => ({ name, passes: ready })
  const etcd = (name: string): Check => ({ name, passes: storeAnswers })
  const common = [always('ping'), always('log'), etcd('etcd')]
  if (endpoint === 'livez') return common
  if (endpoint === 'healthz') return [...common, whenReady('poststarthook/rbac/bootstrap-roles')]
  return [
    ...common,
    etcd('etcd-readiness'),
    whenReady('informer-sync'),
    whenReady('poststarthook/rbac/bootstrap-roles'),
    always('shutdown'),
  ]
}

function sendDiscovery(exchange: Exchange, path: string, { kinds, serverAddress }: DocumentSources): Promise<void> {
  const [, prefix, ...rest] = path.split('/')
  if (rest.length === 0) {
    const { as, version } = negotiateDiscovery(exchange.request.headers.accept)
    const core = prefix === 'api'
    if (as === 'APIGroupDiscoveryList') {
      const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
      return sendUnlessKnown(exchange, type, JSON.stringify(aggregatedDiscovery(kinds, core, version)))
    }
    return sendJson(exchange, core ? apiVersions(kinds, serverAddress) : apiGroupList(kinds))
  }
  const [group = '', version] = rest
  if (prefix === 'api') {
    // The core group's only segment is its version; "apps/v1" is not to be found there.
    return rest.length === 1 ? sendJson(exchange, apiResourceList(kinds, group)) : notFound(exchange)
  }
  if (version === undefined) return sendJson(exchange, apiGroup(kinds, group))
  return rest.length === 2 ? sendJson(exchange, apiResourceList(kinds, `${group}/${version}`)) : notFound(exchange)
}

/** Controllers look again and again whether there is something new; mostly there is not. */
function sendUnlessKnown(exchange: Exchange, type: string, json: string): Promise<void> {
  const { request, response } = exchange
  const etag = `"${createHash('sha512').update(json).digest('hex').toUpperCase()}"`
  const headers = { ETag: etag, Vary: 'Accept', 'Cache-Control': 'public' }
  if (request.headers['if-none-match'] !== etag) return sendDocument(exchange, type, json, headers)
  response.writeHead(304, headers).end()
  return Promise.resolve()
}

function sendJson(exchange: Exchange, document: object | string | undefined): Promise<void> {
  if (!document) return notFound(exchange)
  return sendDocument(exchange, 'application/json', typeof document === 'string' ? document : JSON.stringify(document))
}

function notFound(exchange: Exchange): Promise<void> {
  return sendText(exchange, 404, '404 page not found\n')
}

function rootPaths(kinds: readonly KindRow[]): string[] {
  const paths = new Set([
    '/api',
    '/apis',
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/readyz',
    '/version',
  ])
  for (const entry of groupVersions(kinds)) {
    if (entry.group) paths.add(`/apis/${entry.group}`)
    paths.add(entry.group ? `/apis/${apiVersionOf(entry)}` : `/api/${entry.version}`)
  }
  return [...paths].sort()
}
