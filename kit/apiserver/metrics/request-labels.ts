/**
 * What a request is counted as: verb, resource and scope, as far as its method and path tell.
 *
 * Guarantee: only resources that are served appear by name, so that clients cannot make up ever new series.
 * Source: apiserver `pkg/endpoints/metrics/metrics.go` (CanonicalVerb, CleanScope).
 */
import type { KindRow } from '../../contracts/apiserver.ts'
import type { RequestTarget } from '../request-query.ts'

export interface RequestLabels {
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  /** "resource" (one object), "namespace" or "cluster" (many); "" for what is no resource. */
  readonly scope: string
}

/** The subresources of "/v1/pods", "apps/v1/deployments", …: of what is served. */
export type ServedResources = ReadonlyMap<string, readonly string[]>

export function servedResources(kinds: readonly KindRow[]): ServedResources {
  return new Map(
    kinds.map(({ resource: { group, version, plural }, subresources }) => [
      `${group}/${version}/${plural}`,
      subresources.map(({ name }) => name),
    ]),
  )
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const CONNECTING: readonly string[] = ['exec', 'attach', 'portforward', 'proxy']

export function requestLabels(method: string, { path, query }: RequestTarget, served: ServedResources): RequestLabels {
  const [, api, ...parts] = path.split('/')
  const group = api === 'apis' ? (parts.shift() ?? '') : ''
  const version = parts.shift() ?? ''
  const isNamespaced = parts[0] === 'namespaces' && parts.length > 2 && !['status', 'finalize'].includes(parts[2] ?? '')
  if (isNamespaced) parts.splice(0, 2)
  const [resource = '', name, subresource = ''] = parts
  const subresources = api === 'api' || api === 'apis' ? served.get(`${group}/${version}/${resource}`) : undefined
  if (!subresources)
    return {
      verb: METHODS.includes(method) ? method : 'OTHER',
      group: '',
      version: '',
      resource: '',
      subresource: '',
      scope: '',
    }
  const scope = name ? 'resource' : isNamespaced ? 'namespace' : 'cluster'
  const known = subresources.includes(subresource) ? subresource : ''
  return { verb: verbOf(method, name, subresource, query), group, version, resource, subresource: known, scope }
}

function verbOf(method: string, name: string | undefined, subresource: string, query: RequestTarget['query']): string {
  if (CONNECTING.includes(subresource)) return 'CONNECT'
  if (method === 'GET' && !name) {
    const [watch = 'false'] = query.watch ?? []
    return watch !== 'false' && watch !== '0' ? 'WATCH' : 'LIST'
  }
  if (!METHODS.includes(method)) return 'OTHER'
  return method === 'DELETE' && !name ? 'DELETECOLLECTION' : method
}
