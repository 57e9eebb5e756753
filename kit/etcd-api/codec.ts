/**
 * Turns protobuf bytes into plain data and back, driven by proto text.
 *
 * protobufjs parses and does the wire format; what is added here is the shape of the plain data: every scalar is present
 * with its default, enums are names, 64-bit numbers are numbers or (`jstype = JS_STRING`) decimal strings, bytes are
 * Buffers or byte strings, and of a `oneof` only the field that was set is there. Encoding accepts messages with
 * fields left out.
 *
 * Guarantee: decode(encode(message)) equals the message with its defaults filled in.
 */
import { endianness } from 'node:os'
import protobuf from 'protobufjs'
import { toBuffer, toByteString } from './byte-string.ts'

/** How bytes appear in plain data. A string given where `buffer` is chosen means its UTF-8 bytes. */
export type BytesForm = 'buffer' | 'byte-string'

export interface MessageCodec<Message> {
  /** Accepts plain data; what is left out has its default. */
  encode(message: object): Buffer
  decode(bytes: Uint8Array): Message
}

type Plain = Record<string, unknown>
type Convert = (value: unknown) => unknown

/** Proto text to a root in which types can be looked up by their full names, such as `mvccpb.KeyValue`. */
export function parseProto(...texts: string[]): protobuf.Root {
  const root = new protobuf.Root()
  for (const text of texts) protobuf.parse(text, root)
  root.resolveAll()
  return root
}

export function messageCodec<Message>(root: protobuf.Root, typeName: string, bytes: BytesForm): MessageCodec<Message> {
  return codecOf(root.lookupType(typeName), bytes) as MessageCodec<Message>
}

interface CompiledCodec extends MessageCodec<Plain> {
  toPlain(message: protobuf.Message): Plain
  toMessage(plain: Plain): Plain
}

const compiled: Record<BytesForm, Map<protobuf.Type, CompiledCodec>> = {
  buffer: new Map(),
  'byte-string': new Map(),
}

/** One codec per type and form, so that types that contain themselves (a Txn in a Txn) end. */
function codecOf(type: protobuf.Type, bytes: BytesForm): CompiledCodec {
  const known = compiled[bytes].get(type)
  if (known) return known
  const codec: CompiledCodec = {
    toPlain: () => ({}),
    toMessage: () => ({}),
    encode: (message) => asBuffer(type.encode(codec.toMessage(message as Plain)).finish()),
    decode: (encoded) => codec.toPlain(type.decode(encoded)),
  }
  compiled[bytes].set(type, codec)
  const fields = type.fieldsArray.map((field) => ({
    name: field.name,
    repeated: field.repeated,
    optional: field.partOf !== null || field.resolvedType instanceof protobuf.Type,
    zero: isLongText(field) ? '0' : undefined,
    read: reader(field, bytes),
    write: writer(field, bytes),
  }))
  codec.toPlain = (message) => toPlain(message as unknown as Plain, fields)
  codec.toMessage = (plain) => toMessage(plain, fields)
  return codec
}

interface CompiledField {
  readonly name: string
  readonly repeated: boolean
  /** Left out of the plain data when it was not set. */
  readonly optional: boolean
  /** The default, where it does not look like one. */
  readonly zero: unknown
  readonly read: Convert
  readonly write: Convert
}

function toPlain(message: Plain, fields: readonly CompiledField[]): Plain {
  const plain: Plain = {}
  for (const field of fields) {
    if (field.repeated) plain[field.name] = (message[field.name] as unknown[]).map(field.read)
    else if (!field.optional) plain[field.name] = field.read(message[field.name])
    else if (Object.hasOwn(message, field.name) && message[field.name] != null)
      plain[field.name] = field.read(message[field.name])
  }
  return plain
}

function toMessage(plain: Plain, fields: readonly CompiledField[]): Plain {
  const message: Plain = {}
  for (const field of fields) {
    const value = plain[field.name]
    if (value === undefined || value === null) continue
    if (!field.optional && (isDefault(value) || value === field.zero)) continue
    message[field.name] = field.repeated ? (value as unknown[]).map(field.write) : field.write(value)
  }
  return message
}

/** Defaults are not sent: etcd tells an empty `range_end` that was sent from one that was not. */
function isDefault(value: unknown): boolean {
  return !value || (value as { length?: number }).length === 0
}

const LONG_TYPES = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64'])

function isLongText(field: protobuf.Field): boolean {
  return LONG_TYPES.has(field.type) && field.options?.jstype === 'JS_STRING'
}

function reader(field: protobuf.Field, bytes: BytesForm): Convert {
  const inner = field.resolvedType
  if (inner instanceof protobuf.Enum) return (value) => inner.valuesById[value as number] ?? value
  if (inner instanceof protobuf.Type) {
    const codec = codecOf(inner, bytes)
    return (value) => codec.toPlain(value as protobuf.Message)
  }
  if (field.type === 'bytes') return bytes === 'buffer' ? readBuffer : readByteString
  if (LONG_TYPES.has(field.type)) return isLongText(field) ? readLongText : readLongNumber
  return (value) => value
}

function writer(field: protobuf.Field, bytes: BytesForm): Convert {
  const inner = field.resolvedType
  if (inner instanceof protobuf.Enum) {
    return (value) => {
      const number = typeof value === 'number' ? value : inner.values[value as string]
      if (number === undefined) throw new TypeError(`${field.name}: there is no ${inner.name} "${value}"`)
      return number
    }
  }
  if (inner instanceof protobuf.Type) {
    const codec = codecOf(inner, bytes)
    return (value) => codec.toMessage(value as Plain)
  }
  if (field.type === 'bytes') {
    if (bytes === 'byte-string') return (value) => toBuffer(value as string)
    return (value) => (typeof value === 'string' ? Buffer.from(value, 'utf8') : value)
  }
  if (isLongText(field)) return (value) => (typeof value === 'string' ? writeLongText(value) : value)
  return (value) => value
}

const EMPTY = Buffer.alloc(0)

/** An unset field's default is protobufjs' own empty array, not a Buffer. */
function readBuffer(value: unknown): Buffer {
  const bytes = value as Uint8Array
  return bytes.length === 0 ? EMPTY : asBuffer(bytes)
}

function readByteString(value: unknown): string {
  const bytes = value as Uint8Array
  return bytes.length === 0 ? '' : toByteString(bytes)
}

/** 64-bit integers as protobufjs decodes them. */
interface Long {
  readonly low: number
  readonly high: number
  toString(): string
}

function readLongNumber(value: unknown): number {
  if (typeof value === 'number') return value
  const { low, high, unsigned } = value as Long & { unsigned: boolean }
  return (unsigned ? high >>> 0 : high) * 2 ** 32 + (low >>> 0)
}

function readLongText(value: unknown): string {
  if (typeof value === 'number') return String(value)
  const long = value as Long
  return long.high === 0 ? String(long.low >>> 0) : long.toString()
}

const WIDE = new BigUint64Array(1)
const [LOW, HIGH] = endianness() === 'LE' ? [0, 1] : [1, 0]
const HALVES = new Uint32Array(WIDE.buffer)

/** protobufjs would parse the text itself, digit by digit: with two such ids in every answer, that is most of what encoding one costs. */
function writeLongText(text: string): Pick<Long, 'low' | 'high'> {
  WIDE[0] = BigInt(text)
  return { low: HALVES[LOW]!, high: HALVES[HIGH]! }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
