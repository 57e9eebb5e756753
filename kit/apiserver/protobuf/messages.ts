/**
 * Protobuf messages of API objects, turned into what the same objects are in JSON.
 *
 * `message-texts.ts` holds a line per message: "name 1 string; ports 2 []core/v1.ServicePort". A type is a scalar, the name
 * of a message, `time`, `quantity` and the like; "[]" makes a list, "map " a map from strings, "..." instead of a name
 * means that the message's fields belong to its parent, "!" that an empty value is kept (a pointer in Go, or a field that
 * is always written), where others leave no trace.
 * Source: k8s.io/api struct tags; WIRE "kubectl ≥ 1.32 sends protobuf".
 */
import { messageTexts } from './message-texts.ts'
import { readFields } from './wire-reader.ts'

interface MessageField {
  /** "..." for a message whose fields belong to its parent. */
  readonly name: string
  readonly type: string
  readonly keepsEmpty: boolean
}

type Message = ReadonlyMap<number, MessageField>

const MAX_DEPTH = 100

const parsed = new Map<string, Message>()

export function isMessage(name: string): boolean {
  return Object.hasOwn(messageTexts, name)
}

/** @param name "apps/v1.Deployment" */
export function decodeMessage(name: string, bytes: Uint8Array, depth = 0): Record<string, unknown> {
  if (depth > MAX_DEPTH) throw new RangeError('message is nested too deep')
  const fields = messageNamed(name)
  const object: Record<string, unknown> = {}
  for (const { number, value } of readFields(bytes)) {
    const field = fields.get(number)
    // Fields of a newer version of the API are dropped, as upstream drops them.
    if (field) addValue(object, field, value, depth)
  }
  return object
}

function addValue(object: Record<string, unknown>, field: MessageField, value: number | Uint8Array, depth: number) {
  const { name, type, keepsEmpty } = field
  if (type.startsWith('[]')) {
    const list = (object[name] as unknown[] | undefined) ?? []
    list.push(decodeValue(type.slice(2), value, depth))
    object[name] = list
  } else if (type.startsWith('map ')) {
    const [key, item] = decodeEntry(type.slice(4), value, depth)
    const map = (object[name] as Record<string, unknown> | undefined) ?? {}
    Object.defineProperty(map, key, { value: item, enumerable: true, writable: true, configurable: true })
    object[name] = map
  } else if (name === '...') {
    Object.assign(object, decodeMessage(type, bytesOf(value), depth + 1))
  } else {
    const decoded = decodeValue(type, value, depth)
    const isEmpty = decoded === undefined || decoded === '' || decoded === 0 || decoded === false
    if (!isEmpty || (keepsEmpty && decoded !== undefined)) object[name] = decoded
  }
}

/** An entry of a map is a message of its own: 1 is the key, 2 the value. */
function decodeEntry(type: string, value: number | Uint8Array, depth: number): [string, unknown] {
  let key = ''
  let item: unknown = emptyValue(type)
  for (const entry of readFields(bytesOf(value))) {
    if (entry.number === 1) key = text(entry.value)
    if (entry.number === 2) item = decodeValue(type, entry.value, depth)
  }
  return [key, item]
}

function emptyValue(type: string): unknown {
  if (type === 'string' || type === 'bytes') return ''
  return type === 'quantity' ? '0' : type === 'string-list' ? [] : {}
}

function decodeValue(type: string, value: number | Uint8Array, depth: number): unknown {
  switch (type) {
    case 'string':
      return text(value)
    case 'bytes':
      return Buffer.from(bytesOf(value)).toString('base64')
    case 'bool':
      return numberOf(value) !== 0
    case 'int':
    case 'double':
      return numberOf(value)
    case 'quantity':
      return text(fieldOf(value, 1) ?? new Uint8Array()) || '0'
    case 'int-or-string':
      return numberOf(fieldOf(value, 1) ?? 0) === 0
        ? numberOf(fieldOf(value, 2) ?? 0)
        : text(fieldOf(value, 3) ?? new Uint8Array())
    case 'time':
    case 'microtime':
      return timeText(value, type === 'microtime')
    case 'raw':
      return JSON.parse(text(fieldOf(value, 1) ?? new Uint8Array()) || '{}')
    case 'string-list':
      return [...readFields(bytesOf(value))].filter(({ number }) => number === 1).map((item) => text(item.value))
    default:
      return decodeMessage(type, bytesOf(value), depth + 1)
  }
}

/** RFC 3339; undefined for the zero time, which is sent as an empty message. */
function timeText(value: number | Uint8Array, withMicroseconds: boolean): string | undefined {
  const seconds = fieldOf(value, 1)
  if (seconds === undefined) return undefined
  const nanoseconds = numberOf(fieldOf(value, 2) ?? 0)
  const date = new Date(numberOf(seconds) * 1000)
  if (Number.isNaN(date.getTime())) throw new RangeError('time is out of range')
  const whole = date.toISOString().slice(0, 19)
  return withMicroseconds ? `${whole}.${String(Math.floor(nanoseconds / 1000)).padStart(6, '0')}Z` : `${whole}Z`
}

function fieldOf(value: number | Uint8Array, wanted: number): number | Uint8Array | undefined {
  let found: number | Uint8Array | undefined
  for (const { number, value: item } of readFields(bytesOf(value))) if (number === wanted) found = item
  return found
}

function text(value: number | Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(value))
}

function bytesOf(value: number | Uint8Array): Uint8Array {
  if (typeof value === 'number') throw new RangeError('wrong wire type')
  return value
}

function numberOf(value: number | Uint8Array): number {
  if (typeof value !== 'number') throw new RangeError('wrong wire type')
  return value
}

function messageNamed(name: string): Message {
  const known = parsed.get(name)
  if (known) return known
  const line = isMessage(name) ? messageTexts[name]! : ''
  const message = new Map(
    line.split('; ').map((part) => {
      const [, field = '', number = '', type = ''] = /^(\S+) (\d+) (.*)$/.exec(part) ?? []
      return [Number(number), { name: field, type: type.replace(/!$/, ''), keepsEmpty: type.endsWith('!') }] as const
    }),
  )
  parsed.set(name, message)
  return message
}
