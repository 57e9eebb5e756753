/**
 * OpenAPI v2: one document for everything, made of the v3 documents. Clients older than v3 read it, and newer ones for what v3 does not have.
 *
 * What differs: schemas are called definitions, a body is a parameter, a type is never one of several, and `$ref` may have a description beside it.
 * Source: kube-openapi `pkg/openapiconv`, `pkg/builder`.
 */
import type { KindRow } from '../../contracts/apiserver.ts'
import { openApiDocument, openApiIndex } from './document.ts'

export interface DocumentV2 {
  readonly swagger: '2.0'
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, PathItemV2>>
  readonly definitions: Readonly<Record<string, SchemaV2>>
}

export type PathItemV2 = Readonly<Record<string, OperationV2 | readonly ParameterV2[]>>

export interface OperationV2 {
  readonly tags: readonly string[]
  readonly operationId: string
  readonly consumes: readonly string[]
  readonly produces: readonly string[]
  readonly schemes: readonly string[]
  readonly parameters?: readonly ParameterV2[]
  readonly responses: Readonly<Record<string, { readonly description: string; readonly schema?: SchemaV2 }>>
  readonly [extension: `x-${string}`]: unknown
}

export type ParameterV2 =
  | { readonly in: 'body'; readonly name: string; readonly required: boolean; readonly schema: SchemaV2 }
  | {
      readonly in: 'query' | 'path'
      readonly name: string
      readonly required?: boolean
      readonly type: string
      readonly uniqueItems: boolean
    }

/** A schema in JSON: `type`, `properties`, `items`, `$ref`, … */
export type SchemaV2 = Readonly<Record<string, unknown>>

interface DocumentV3 {
  readonly info: DocumentV2['info']
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationV3 | readonly ParameterV3[]>>>>
  readonly components: { readonly schemas: Readonly<Record<string, SchemaV2>> }
}

interface OperationV3 {
  readonly tags: readonly string[]
  readonly operationId: string
  readonly parameters?: readonly ParameterV3[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: SchemaV2 }>> }
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content: Readonly<Record<string, { schema: SchemaV2 }>> }>
  >
}

interface ParameterV3 {
  readonly name: string
  readonly in: 'query' | 'path'
  readonly required?: boolean
  readonly schema: { readonly type: string; readonly uniqueItems: boolean }
}

export function openApiDocumentV2(kinds: readonly KindRow[]): DocumentV2 {
  const paths: Record<string, PathItemV2> = {}
  const definitions: Record<string, SchemaV2> = {}
  let info: DocumentV2['info'] = { title: '', version: '' }
  for (const path of Object.keys(openApiIndex(kinds).paths)) {
    const document = JSON.parse(openApiDocument(kinds, path)!) as DocumentV3
    info = document.info
    for (const [name, schema] of Object.entries(document.components.schemas)) definitions[name] ??= schemaV2(schema)
    for (const [route, item] of Object.entries(document.paths)) paths[route] = pathItemV2(item)
  }
  return { swagger: '2.0', info, paths: sortedByKey(paths), definitions: sortedByKey(definitions) }
}

function pathItemV2(item: DocumentV3['paths'][string]): PathItemV2 {
  const parts = Object.entries(item).map(([method, part]) => [
    method,
    Array.isArray(part) ? part.map(parameterV2) : operationV2(part as OperationV3),
  ])
  return Object.fromEntries(parts) as PathItemV2
}

function operationV2({ requestBody, parameters, responses, ...rest }: OperationV3): OperationV2 {
  const [consumed] = Object.values(requestBody?.content ?? {})
  const body: ParameterV2[] = consumed
    ? [{ in: 'body', name: 'body', required: true, schema: schemaV2(consumed.schema) }]
    : []
  const all = [...body, ...(parameters ?? []).map(parameterV2)]
  const answers = Object.entries(responses).map(([code, { description, content }]) => {
    const [produced] = Object.values(content)
    return [code, { description, ...(produced && { schema: schemaV2(produced.schema) }) }] as const
  })
  return {
    ...rest,
    consumes: Object.keys(requestBody?.content ?? { '*/*': {} }),
    produces: ['application/json', 'application/yaml'],
    schemes: ['https'],
    ...(all.length > 0 && { parameters: all }),
    responses: Object.fromEntries(answers),
  }
}

function parameterV2({ name, in: place, required, schema }: ParameterV3): ParameterV2 {
  return { in: place, name, ...(required && { required }), ...schema }
}

function schemaV2(schema: SchemaV2): SchemaV2 {
  const { allOf, oneOf, $ref, items, properties, additionalProperties, ...rest } = schema
  const [referred] = (allOf ?? []) as SchemaV2[]
  const reference = $ref ?? referred?.$ref
  return {
    ...rest,
    ...(typeof reference === 'string' && { $ref: reference.replace('#/components/schemas/', '#/definitions/') }),
    // A number or a string: of the two, everything can be written as a string.
    ...(oneOf !== undefined && { type: 'string' }),
    ...(items !== undefined && { items: schemaV2(items as SchemaV2) }),
    ...(additionalProperties !== undefined && { additionalProperties: schemaV2(additionalProperties as SchemaV2) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties as Record<string, SchemaV2>).map(([name, property]) => [name, schemaV2(property)]),
      ),
    }),
  }
}

function sortedByKey<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
