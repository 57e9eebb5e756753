/**
 * Reads what a client sent as an object of one kind, the way upstream's decoder does: fields that the kind does not have
 * are left out and reported, nulls count as absent, and a value of the wrong type is an error.
 *
 * Guarantee: what comes out has the shape that the kind's type promises, so code behind it need not look twice
 * (required fields may still be missing; that is for validation). It is a copy, which may be changed, all but values that
 * can be anything.
 * Source: apimachinery `pkg/runtime/serializer/json` (strict decoding), `json: cannot unmarshal …` of Go's encoding/json.
 */
import type { ApiObject } from '../api/objects.ts'
import type { DecodeObject } from '../contracts/apiserver.ts'
import { type Field, schemaNamed, schemaNameOf } from './openapi/schemas.ts'

/** Objects of a kind that has no schema here are copied as they are. */
export const decodeObject: DecodeObject = (kind, object) => {
  const schemaName = schemaNameOf(kind)
  if (!schemaNamed(schemaName)) return { object: structuredClone(object), unknownFields: [], typeProblem: undefined }
  const findings: Findings = { kind: kind.kind, unknownFields: [], typeProblem: undefined }
  const decoded = decodeValue(object, schemaName, '', findings) as ApiObject
  return { object: decoded, unknownFields: findings.unknownFields, typeProblem: findings.typeProblem }
}

interface Findings {
  readonly kind: string
  readonly unknownFields: string[]
  typeProblem: string | undefined
}

function decodeValue(value: unknown, type: Field['type'], path: string, findings: Findings): unknown {
  if (type === 'any') return value
  if (type.startsWith('[]')) return decodeList(value, type.slice(2), path, findings)
  if (type.startsWith('map ')) return decodeMap(value, type.slice(4), path, findings)
  const accepts = scalars[type]
  if (accepts) return accepts(value) ? value : mistyped(value, type, path, findings)
  const schema = schemaNamed(type)
  if (!schema || schema.type === 'any') return value
  if (!isRecord(value)) return mistyped(value, type.slice(type.lastIndexOf('.') + 1), path, findings)
  const decoded: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(schema.fields, name) ? schema.fields[name] : undefined
    const itemPath = path ? `${path}.${name}` : name
    if (!field) findings.unknownFields.push(itemPath)
    else if (item !== null) decoded[name] = decodeValue(item, field.type, itemPath, findings)
  }
  return decoded
}

function decodeList(value: unknown, itemType: string, path: string, findings: Findings): unknown {
  if (!Array.isArray(value))
    return mistyped(value, `[]${itemType.slice(itemType.lastIndexOf('.') + 1)}`, path, findings)
  return value.map((item, index) => decodeValue(item ?? emptyOf(itemType), itemType, `${path}[${index}]`, findings))
}

function decodeMap(value: unknown, itemType: string, path: string, findings: Findings): unknown {
  if (!isRecord(value)) return mistyped(value, `map[string]${itemType}`, path, findings)
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    decodeValue(item ?? emptyOf(itemType), itemType, `${path}.${key}`, findings),
  ])
  return Object.fromEntries(entries)
}

/** What a null stands for where something has to stand. */
function emptyOf(type: string): unknown {
  if (type.startsWith('[]')) return []
  if (type === 'string' || type === 'quantity' || type === 'time') return ''
  if (type === 'integer' || type === 'number' || type === 'int-or-string') return 0
  return type === 'boolean' ? false : {}
}

const scalars: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  time: (value) => typeof value === 'string',
  quantity: (value) => typeof value === 'string' || typeof value === 'number',
  'int-or-string': (value) => typeof value === 'string' || Number.isInteger(value),
}

/** The first one is enough: upstream's decoder stops there. */
function mistyped(value: unknown, wanted: string, path: string, findings: Findings): unknown {
  findings.typeProblem ??= `json: cannot unmarshal ${typeName(value)} into Go struct field ${findings.kind}.${path} of type ${goTypes[wanted] ?? wanted}`
  return value
}

const goTypes: Readonly<Record<string, string>> = {
  integer: 'int32',
  boolean: 'bool',
  number: 'float64',
  time: 'v1.Time',
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'number' && !Number.isInteger(value) ? `number ${value}` : typeof value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
