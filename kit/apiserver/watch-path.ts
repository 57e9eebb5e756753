/**
 * The old way to ask for a watch: `/api/v1/watch/pods` instead of `/api/v1/pods?watch=true`. Deprecated since 1.11, and
 * still served.
 *
 * Source: apiserver `pkg/endpoints/installer.go` (WATCH, WATCHLIST), `pkg/endpoints/handlers/get.go` (a name is a selector).
 */
import { StatusError } from '../api/status-error.ts'
import type { RequestTarget } from './request-query.ts'

/** The same request in today's form; requests that have that form already stay as they are. */
export function withoutWatchPath(target: RequestTarget): RequestTarget {
  const [, prefix = '', rest = ''] = /^(\/api\/[^/]+|\/apis\/[^/]+\/[^/]+)\/watch\/(.+)$/.exec(target.path) ?? []
  if (!rest) return target
  const parts = rest.split('/')
  const within = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2) : []
  const [resource = '', name, ...more] = parts
  // Only collections and single objects can be watched: let it be a path that is not found.
  if (more.length > 0) return target
  const query = { ...target.query, watch: ['true'], ...(name && { fieldSelector: [onlyNamed(name, target)] }) }
  return { path: [prefix, ...within, resource].join('/'), query }
}

function onlyNamed(name: string, { query }: RequestTarget): string {
  const wanted = `metadata.name=${decodeURIComponent(name)}`
  const [selector = ''] = query.fieldSelector ?? []
  if (selector && !selector.split(',').includes(wanted)) {
    throw new StatusError(400, 'BadRequest', "fieldSelector metadata.name doesn't match requested name")
  }
  return selector || wanted
}
