/**
 * /openapi/v2 and /openapi/v3: large documents that clients keep on disk. The index and v2 by their ETag; the document of a group-version for
 * ever, under an address that has its hash.
 *
 * Source: kube-openapi `pkg/handler`, `pkg/handler3` (an old hash is sent on to the present one).
 */
import { createHash } from 'node:crypto'
import type { KindRow } from '../../contracts/apiserver.ts'
import { type Exchange, sendDocument, sendText } from '../answer.ts'
import type { RequestTarget } from '../request-query.ts'
import { openApiDocument, openApiIndex } from './document.ts'
import { openApiDocumentV2 } from './document-v2.ts'
import { encodeDocumentV2 } from './document-v2-protobuf.ts'

/** @param path below which something may be: "/openapi/v3/apis/apps/v1" */
export function sendOpenApi(
  exchange: Exchange,
  { query }: RequestTarget,
  path: string,
  kinds: readonly KindRow[],
): Promise<void> {
  if (path === '/openapi/v2') return sendV2(exchange, kinds)
  const { paths } = openApiIndex(kinds)
  if (path === '/openapi/v3') {
    const text = JSON.stringify({ paths })
    return sendUnlessKnown(exchange, { type: JSON_TYPE, text, tag: tagOf(text) })
  }
  const name = path.replace('/openapi/v3/', '')
  const address = paths[name]?.serverRelativeURL
  const text = openApiDocument(kinds, name)
  if (!address || !text) return sendText(exchange, 404, '404 page not found\n')
  const [, tag = ''] = address.split('?hash=')
  const [asked] = query.hash ?? []
  if (asked !== undefined && asked !== tag) {
    exchange.response.writeHead(301, { Location: address }).end()
    return Promise.resolve()
  }
  const forEver = { 'Cache-Control': 'public, immutable', Expires: nextYear() }
  return sendUnlessKnown(exchange, { type: JSON_TYPE, text, tag }, asked ? forEver : {})
}

const JSON_TYPE = 'application/json'
const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/** By registry: made when somebody asks, which is seldom. */
const documentsV2 = new WeakMap<readonly KindRow[], { json?: Document; protobuf?: Document }>()

function sendV2(exchange: Exchange, kinds: readonly KindRow[]): Promise<void> {
  const form = formOf(exchange.request.headers.accept ?? '*/*')
  if (!form) return sendText(exchange, 406, '406 not acceptable\n')
  const known = documentsV2.get(kinds) ?? {}
  documentsV2.set(kinds, known)
  known[form] ??= documentV2(kinds, form)
  return sendUnlessKnown(exchange, known[form])
}

function documentV2(kinds: readonly KindRow[], form: 'json' | 'protobuf'): Document {
  const document = openApiDocumentV2(kinds)
  const text = form === 'json' ? JSON.stringify(document) : encodeDocumentV2(document)
  return { type: form === 'json' ? JSON_TYPE : V2_PROTOBUF, text, tag: tagOf(text) }
}

/** The first clause that we have. Protobuf's name is spelt with an @ by old clients, and with a dot by new ones. */
function formOf(accept: string): 'json' | 'protobuf' | undefined {
  for (const clause of accept.split(',')) {
    const [type = ''] = clause.trim().split(';')
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json'
    if (/^application\/com\.github\.(proto-openapi|googleapis\.gnostic\.OpenAPIv2).*protobuf$/.test(type)) {
      return 'protobuf'
    }
  }
  return undefined
}

function tagOf(text: string | Uint8Array): string {
  return createHash('sha512').update(text).digest('hex').toUpperCase()
}

interface Document {
  readonly type: string
  readonly text: string | Uint8Array
  /** Changes when the text does. */
  readonly tag: string
}

/** Nothing but "as you know it" to whom knows it. */
function sendUnlessKnown(exchange: Exchange, { type, text, tag }: Document, more: Record<string, string> = {}) {
  const { request, response } = exchange
  const headers = { ETag: `"${tag}"`, Vary: 'Accept', ...more }
  const known = request.headers['if-none-match']?.split(',').map((one) => one.trim().replace(/^W\//, ''))
  if (known?.includes(headers.ETag) || known?.includes('*')) {
    response.writeHead(304, headers).end()
    return Promise.resolve()
  }
  return sendDocument(exchange, type, text, headers)
}

function nextYear(): string {
  return new Date(Date.now() + 365 * 24 * 3600 * 1000).toUTCString()
}
