/**
 * The request line, taken apart: path and query.
 *
 * Guarantee: the path stays percent-encoded (the core decodes each segment by itself, so that "%2F" is no separator);
 * a parameter given twice keeps both values in order.
 */

export type Query = Readonly<Record<string, readonly string[]>>

export interface RequestTarget {
  readonly path: string
  readonly query: Query
}

/** @param target as in the request line: "/api/v1/pods?limit=500", or absolute, as proxies send it. */
export function parseTarget(target: string): RequestTarget {
  const origin = /^https?:\/\/[^/?]*/.exec(target)?.[0] ?? ''
  const rest = target.slice(origin.length) || '/'
  const mark = rest.indexOf('?')
  const path = mark < 0 ? rest : rest.slice(0, mark)
  return { path: path.startsWith('/') ? path : `/${path}`, query: parseQuery(mark < 0 ? '' : rest.slice(mark + 1)) }
}

function parseQuery(text: string): Query {
  // Without a prototype, a parameter called "constructor" is just a parameter.
  const query: Record<string, string[]> = Object.create(null)
  if (text === '') return query
  for (const [name, value] of new URLSearchParams(text)) {
    const values = query[name]
    if (values) values.push(value)
    else query[name] = [value]
  }
  return query
}

/** The inverse, for requests to kubelets. */
export function formatQuery(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, values] of Object.entries(query)) for (const value of values) parameters.append(name, value)
  const text = parameters.toString()
  return text ? `?${text}` : ''
}
