/**
 * What the client sent, as plain data: JSON, YAML or protobuf, whole or a patch.
 *
 * Guarantees: at most 3 MiB are read; whatever comes is either parsed or answered with a `Status`; parsed data has no
 * `__proto__` keys and is not nested deeper than code that walks it can bear.
 * Source: apiserver `pkg/endpoints/handlers/{rest,patch}.go`, `pkg/server/config.go` (`MaxRequestBodyBytes`).
 */
import type { IncomingMessage } from 'node:http'
import { CORE_SCHEMA, load as loadYaml } from 'js-yaml'
import { StatusError } from '../api/status-error.ts'
import { decodeProtobuf } from './protobuf/envelope.ts'

export const MAX_BODY_BYTES = 3 * 1024 * 1024
const MAX_DEPTH = 1000
/** Plain data: dates stay texts. The parser calls itself for each level. */
const YAML_OPTIONS = { schema: CORE_SCHEMA, maxDepth: 250 }
/** However short the text is. */
const MOST_FROM_ALIASES = 10_000

const OBJECT_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]

export interface RequestBody {
  readonly contentType: string
  readonly body: unknown
}

/** `body` is undefined when nothing was sent. */
export async function readRequestBody(request: IncomingMessage): Promise<RequestBody> {
  const bytes = await readBytes(request)
  const [mediaType = ''] = (request.headers['content-type'] ?? '').split(';')
  // Clients may leave the type out: JSON is meant.
  const contentType = mediaType.trim().toLowerCase() || 'application/json'
  if (bytes.length === 0) return { contentType, body: undefined }
  const accepted = request.method === 'PATCH' ? PATCH_TYPES : OBJECT_TYPES
  if (!accepted.includes(contentType)) {
    throw new StatusError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    )
  }
  return { contentType, body: parseBody(bytes, contentType) }
}

/** By events: an asynchronous iterator costs more than all else that is done here for a small body, and most are. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge()
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= MAX_BODY_BYTES) return void chunks.push(chunk)
      request.pause()
      reject(tooLarge())
    })
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    request.once('error', reject)
    // A whole one closes as well; to make an error of it would cost more than to read a small body.
    request.once('close', () => {
      if (!request.readableEnded) reject(new Error('the client went away in the middle of its request'))
    })
  })
}

function tooLarge(): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`)
}

function parseBody(bytes: Buffer, contentType: string): unknown {
  try {
    if (contentType === 'application/vnd.kubernetes.protobuf') return decodeProtobuf(bytes)
    const text = bytes.toString('utf8')
    return contentType.endsWith('yaml') ? parseYamlText(text) : parseJson(text)
  } catch (error) {
    if (error instanceof StatusError) throw error
    const format = contentType.endsWith('yaml') ? 'yaml' : contentType.endsWith('protobuf') ? 'protobuf' : 'json'
    const reason = error instanceof Error ? error.message : String(error)
    throw new StatusError(400, 'BadRequest', `couldn't get version/kind; ${format} parse error: ${reason}`)
  }
}

/** What controllers apply is mostly JSON, which is YAML, too, but read many times as fast as such. */
function parseYamlText(text: string): unknown {
  try {
    if (/^\s*\{/.test(text)) return parseJson(text)
  } catch (error) {
    // "{a: b}" looks like JSON, and is none.
    if (!(error instanceof SyntaxError)) throw error
  }
  const value = loadYaml(text, YAML_OPTIONS) ?? null
  return withoutAliases(value, { values: MOST_FROM_ALIASES + text.length })
}

/**
 * A copy in which nothing is in two places, though aliases made it so. Without them, no text has more values than characters.
 * @param left of values that the copy may still have
 */
function withoutAliases(value: unknown, left: { values: number }, depth = 0): unknown {
  if (--left.values < 0) throw new Error('document contains excessive aliasing')
  // Nothing else is deeper than the parser bears: an alias stands within what it stands for.
  if (depth > MAX_DEPTH) throw new Error('exceeded max depth')
  if (Array.isArray(value)) return value.map((item) => withoutAliases(item, left, depth + 1))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => key !== '__proto__')
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutAliases(item, left, depth + 1)]))
}

function parseJson(text: string): unknown {
  if (text.length > 2 * MAX_DEPTH && nesting(text) > MAX_DEPTH) throw new Error('exceeded max depth')
  const mayNamePrototype = /__proto__|\\u00/.test(text)
  return mayNamePrototype ? withoutPrototypes(JSON.parse(text)) : JSON.parse(text)
}

/** How deep brackets nest, before anything is built from them. */
function nesting(json: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at)
    if (inString) {
      if (character === 0x5c) at++
      else if (character === 0x22) inString = false
    } else if (character === 0x22) inString = true
    else if (character === 0x7b || character === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (character === 0x7d || character === 0x5d) depth--
  }
  return deepest
}

/** A key `__proto__` is data here; assigned to an object elsewhere it would change what the object is. */
function withoutPrototypes(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new Error('exceeded max depth')
  if (Array.isArray(value)) for (const item of value) withoutPrototypes(item, depth + 1)
  else if (typeof value === 'object' && value !== null) {
    if (Object.hasOwn(value, '__proto__')) Reflect.deleteProperty(value, '__proto__')
    for (const item of Object.values(value)) withoutPrototypes(item, depth + 1)
  }
  return value
}
