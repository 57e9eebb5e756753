/**
 * What does a request ask for? A path and a method become a verb, a resource, a namespace and a name.
 *
 * Everything after this file thinks in `RequestInfo`, never in paths: who may do it (step 2.11), which kind it is, which
 * handler answers. Paths of resources look like this, parts in brackets optional:
 *
 *     /api/v1[/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]]           the core group
 *     /apis/GROUP/VERSION[/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]]
 *
 * Source: apiserver `pkg/endpoints/request/requestinfo.go` (RequestInfoFactory.NewRequestInfo).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiRequest, RequestInfo } from '#kit/contracts/apiserver.ts'

/** Parts below `/namespaces/NAME/` that belong to the namespace itself and are not resources inside it. */
const NAMESPACE_SUBRESOURCES: readonly string[] = ['status', 'finalize']

/**
 * A path that is no resource's (`/version`, `/api/v1`, `/apis/apps/v1`, `/healthz`) gives `isResourceRequest: false`, the
 * method in lower case as its verb, and empty strings for the rest.
 *
 * Verbs of resources: POST is "create", PUT "update", PATCH "patch", DELETE "delete", GET and HEAD "get". Without a name,
 * "get" means "list" (or "watch", with `?watch=true` or `1`) and "delete" means "deletecollection". A list or watch that
 * selects `metadata.name=web` by field has that name, so that a rule about one name can allow it.
 *
 * `/api/v1/namespaces/default` is about the resource `namespaces` with the name `default`, and its `namespace` is
 * `default` as well; so are `…/default/status` and `…/default/finalize`.
 *
 * @lab 2.1 Read verb, resource, namespace and name from the path
 */
export function parseRequestInfo(request: Pick<ApiRequest, 'method' | 'path' | 'query'>): RequestInfo {
  throw new NotImplemented(
    '2.1',
    'parseRequestInfo',
    'Read verb, resource, namespace and name from the path',
    'labs/02-apiserver/src/request-info.ts',
  )
}

/**
 * The verb of a resource request, for which having a name or not makes all the difference.
 *
 * @lab 2.1 Turn the method into a verb
 */
export function resourceVerb({ method, query }: Pick<ApiRequest, 'method' | 'query'>, name: string): string {
  throw new NotImplemented(
    '2.1',
    'resourceVerb',
    'Turn the method into a verb',
    'labs/02-apiserver/src/request-info.ts',
  )
}

/** A boolean query parameter, as Go reads it: `?watch`, `?watch=true` and `?watch=1` say yes. */
export function isTrue(values: readonly string[] | undefined): boolean {
  const value = values?.[0]
  return value !== undefined && value !== 'false' && value !== '0'
}

/** The path's parts, decoded; empty ones (a slash too many) are left out. */
function splitPath(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
}

/** The name in a field selector `metadata.name=NAME`. */
function selectedName(query: ApiRequest['query']): string {
  const terms = (query.fieldSelector?.[0] ?? '').split(',')
  for (const term of terms) {
    const [, name] = /^metadata\.name==?([^=]+)$/.exec(term) ?? []
    if (name) return name
  }
  return ''
}

function nonResource({ method, path }: Pick<ApiRequest, 'method' | 'path'>): RequestInfo {
  return {
    isResourceRequest: false,
    verb: method.toLowerCase(),
    path,
    apiPrefix: '',
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
  }
}
