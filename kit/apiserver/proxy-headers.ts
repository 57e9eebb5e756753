/**
 * What a request and its answer look like after they were passed on.
 *
 * Source: apimachinery `pkg/util/proxy/transport.go`; Go `net/http/httputil/reverseproxy.go`; RFC 9110 §7.6.1.
 */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { ProxyDestination } from '../contracts/apiserver.ts'

/** Headers that are about one connection, and not about what is sent over it. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** Not the other end's to see, or (Expect) already answered. */
const OURS = /^(authorization|expect|impersonate-.*)$/

/** `/api/v1/namespaces/default/services/web/proxy/…`: neither body nor answer is an object of ours. */
export function isProxyPath(path: string): boolean {
  return /^\/+api\/+v1(\/+namespaces\/+[^/]+)?\/+(nodes|pods|services)\/+[^/]+\/+proxy(\/|$)/.test(path)
}

/** As it came, so that nothing is lost that we would not have understood. */
export function queryOf({ url = '' }: IncomingMessage): string {
  const mark = url.indexOf('?')
  return mark < 0 ? '' : url.slice(mark)
}

export function forwardedHeaders(request: IncomingMessage, { path }: ProxyDestination): OutgoingHttpHeaders {
  const kept = Object.entries(endToEnd(request.headers)).filter(([name]) => !OURS.test(name))
  const before = request.headers['x-forwarded-for']
  return {
    ...Object.fromEntries(kept),
    'x-forwarded-uri': prefixOf(request, path) + path,
    'x-forwarded-for': [...(before ? [before].flat() : []), request.socket.remoteAddress ?? ''].join(', '),
  }
}

export function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/)
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.includes(name)))
}

/** "/api/v1/namespaces/default/services/web/proxy": what the destination does not see of the path. */
function prefixOf({ url = '' }: IncomingMessage, path: string): string {
  const [whole = ''] = url.split('?')
  return whole.endsWith(path) ? whole.slice(0, whole.length - path.length) : whole
}

/** A redirect to an absolute path, or to the host that the client asked for, goes through the proxy again. */
export function wayBack(location: string, request: IncomingMessage, { path }: ProxyDestination): string {
  const [, , host, rest = ''] = /^([a-z]+:)?\/\/([^/?#]*)(.*)$/i.exec(location) ?? [undefined, '', '', location]
  if ((host && host !== request.headers.host) || !rest.startsWith('/')) return location
  const prefix = prefixOf(request, path)
  return rest.startsWith(prefix) ? rest : prefix + rest
}
