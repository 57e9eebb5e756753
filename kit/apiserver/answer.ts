/**
 * Sends one answer: headers that every answer has, JSON or YAML, gzip for large ones, big lists piece by piece so that
 * memory does not hold a second copy of them.
 *
 * Source: apiserver `pkg/endpoints/handlers/responsewriters/writers.go` (gzip from 128 KiB on, at the fastest level).
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { stringify as yamlText } from 'yaml'
import type { ApiObject } from '../api/objects.ts'
import { StatusError } from '../api/status-error.ts'
import { isNotImplemented } from '../contracts/not-implemented.ts'
import { asSent, jsonPieces } from './json-text.ts'
import type { Representation } from './negotiation.ts'

const GZIP_FROM_CHARACTERS = 128 * 1024

/** Where an answer goes, and what the request said about how it should look. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

export function sendObject(
  exchange: Exchange,
  code: number,
  object: ApiObject,
  encoding: Representation['encoding'] = 'json',
  headers: Record<string, string | string[]> = {},
): Promise<void> {
  return encoding === 'yaml'
    ? send(exchange, code, 'application/yaml', [yamlText(asSent(object))], headers)
    : send(
        exchange,
        code,
        'application/json',
        isPretty(exchange.request) ? prettyText(asSent(object)) : jsonPieces(object),
        headers,
      )
}

export function sendText(exchange: Exchange, code: number, text: string, type = 'text/plain; charset=utf-8') {
  return send(exchange, code, type, [text], { 'X-Content-Type-Options': 'nosniff' })
}

/** Any document with a content type of its own, such as discovery's. */
export function sendDocument(
  exchange: Exchange,
  type: string,
  document: string | Uint8Array,
  headers: Record<string, string> = {},
) {
  const isJson = typeof document === 'string' && type.startsWith('application/json')
  const pieces = isJson && isPretty(exchange.request) ? prettyText(JSON.parse(document)) : [document]
  return send(exchange, 200, type, pieces, headers)
}

/** For human eyes: `?pretty=true`, or a tool with which people look at single answers. */
function isPretty({ url = '', headers }: IncomingMessage): boolean {
  const asked = url.includes('pretty=') ? new URLSearchParams(url.split('?')[1]).get('pretty') : null
  if (asked) return asked === 'true' || asked === '1'
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '')
}

function prettyText(object: unknown): [string] {
  return [JSON.stringify(object, null, 2)]
}

/** Whatever went wrong, as a `Status`. Unforeseen errors tell the client their message at most, never a stack. */
export function sendError(exchange: Exchange, error: unknown): Promise<void> {
  const { response } = exchange
  if (response.headersSent || response.destroyed) {
    // The answer had begun: cutting it off is the only way left to say that it is not whole.
    response.destroy()
    return Promise.resolve()
  }
  const status = toStatusError(error)
  const retryAfter = status.details?.retryAfterSeconds
  const headers: Record<string, string> = retryAfter ? { 'Retry-After': `${retryAfter}` } : {}
  // What is left of a body that was refused would be taken for the next request.
  if (!exchange.request.complete) headers.Connection = 'close'
  return sendObject(exchange, status.code, { ...status.toStatus() }, 'json', headers)
}

export function toStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error
  if (isNotImplemented(error)) return new StatusError(501, 'NotImplemented', error.message)
  const message = error instanceof Error ? error.message : String(error)
  return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] })
}

async function send(
  { request, response }: Exchange,
  code: number,
  type: string,
  pieces: Iterable<string | Uint8Array>,
  headers: Record<string, string | string[]>,
): Promise<void> {
  const iterator = pieces[Symbol.iterator]()
  const first = iterator.next()
  const second = iterator.next()
  const start = first.done ? '' : first.value
  setCommonHeaders(response)
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('Content-Type', type)
  response.statusCode = code

  const gzip = acceptsGzip(request) && (start.length >= GZIP_FROM_CHARACTERS || !second.done)
  if (second.done && !gzip) {
    // A text that goes to the connection together with the headers is encoded, encrypted and written once.
    response.setHeader('Content-Length', Buffer.byteLength(start))
    response.end(start)
    return
  }
  const rest = function* () {
    yield start
    for (let next = second; !next.done; next = iterator.next()) yield next.value
  }
  if (!gzip) {
    await pipeline(Readable.from(rest(), { objectMode: true }), response)
    return
  }
  response.setHeader('Content-Encoding', 'gzip')
  response.setHeader('Vary', 'Accept-Encoding')
  await pipeline(Readable.from(rest(), { objectMode: true }), createGzip({ level: 1 }), response)
}

export function setCommonHeaders(response: ServerResponse): void {
  response.setHeader('Audit-Id', randomUUID())
  response.setHeader('Cache-Control', 'no-cache, private')
}

function acceptsGzip(request: IncomingMessage): boolean {
  const encodings = request.headers['accept-encoding']
  return typeof encodings === 'string' && encodings.split(',').some((part) => part.trim().split(';')[0] === 'gzip')
}
