/**
 * OpenAPI v2 in protobuf: the form that Go clients ask for, because it parses several times faster than JSON.
 *
 * The table has the fields that our document uses; whatever has a name of its own choosing (properties, paths, extensions) is a list of pairs.
 * Source: google/gnostic `openapiv2/OpenAPIv2.proto`.
 */
import protobuf from 'protobufjs'
import type { DocumentV2, OperationV2, ParameterV2, PathItemV2, SchemaV2 } from './document-v2.ts'

/** A message per line: "name number type", with "[]" for what repeats. */
const messages: Readonly<Record<string, string>> = {
  Any: 'yaml 2 string',
  NamedAny: 'name 1 string; value 2 Any',
  NamedSchema: 'name 1 string; value 2 Schema',
  Schemas: 'pairs 1 []NamedSchema',
  TypeItem: 'value 1 []string',
  ItemsItem: 'schema 1 []Schema',
  OneSchema: 'schema 1 Schema',
  Schema:
    'ref 1 string; format 2 string; description 4 string; required 19 []string; enum 20 []Any; additionalProperties 21 OneSchema; type 22 TypeItem; items 23 ItemsItem; properties 25 Schemas; extensions 31 []NamedAny',
  BodyParameter: 'name 2 string; in 3 string; required 4 bool; schema 5 Schema',
  QueryParameter: 'required 1 bool; in 2 string; name 4 string; type 6 string; uniqueItems 20 bool',
  PathParameter: 'required 1 bool; in 2 string; name 4 string; type 5 string; uniqueItems 19 bool',
  NonBodyParameter: 'query 3 QueryParameter; path 4 PathParameter',
  Parameter: 'body 1 BodyParameter; nonBody 2 NonBodyParameter',
  ParametersItem: 'parameter 1 Parameter',
  Response: 'description 1 string; schema 2 OneSchema',
  ResponseValue: 'response 1 Response',
  NamedResponse: 'name 1 string; value 2 ResponseValue',
  Responses: 'pairs 1 []NamedResponse',
  Operation:
    'tags 1 []string; operationId 5 string; produces 6 []string; consumes 7 []string; parameters 8 []ParametersItem; responses 9 Responses; schemes 10 []string; extensions 13 []NamedAny',
  PathItem:
    'get 2 Operation; put 3 Operation; post 4 Operation; delete 5 Operation; patch 8 Operation; parameters 9 []ParametersItem',
  NamedPathItem: 'name 1 string; value 2 PathItem',
  Paths: 'pairs 2 []NamedPathItem',
  Info: 'title 1 string; version 2 string',
  Document: 'swagger 1 string; info 2 Info; paths 8 Paths; definitions 9 Schemas',
}

let documentType: protobuf.Type | undefined

export function encodeDocumentV2({ swagger, info, paths, definitions }: DocumentV2): Uint8Array {
  documentType ??= protobuf.Root.fromJSON({ nested: descriptors() }).lookupType('Document')
  return documentType
    .encode({
      swagger,
      info,
      paths: { pairs: pairs(paths, pathItem) },
      definitions: { pairs: pairs(definitions, schemaMessage) },
    })
    .finish()
}

function descriptors(): Record<string, protobuf.IType> {
  const entries = Object.entries(messages).map(([message, text]) => {
    const fields = text.split('; ').map((line) => {
      const [name = '', id = '', type = ''] = line.split(' ')
      const repeated = type.startsWith('[]')
      return [name, { id: Number(id), type: type.replace('[]', ''), ...(repeated && { rule: 'repeated' }) }] as const
    })
    return [message, { fields: Object.fromEntries(fields) }] as const
  })
  return Object.fromEntries(entries)
}

function pairs<T>(record: Readonly<Record<string, T>>, message: (value: T) => object): object[] {
  return Object.entries(record).map(([name, value]) => ({ name, value: message(value) }))
}

function schemaMessage(schema: SchemaV2): object {
  const { $ref, type, items, properties, additionalProperties, enum: words } = schema
  const { format, description, required } = schema
  return {
    ...(description !== undefined && { description }),
    ...($ref !== undefined && { ref: $ref }),
    ...(format !== undefined && { format }),
    ...(required !== undefined && { required }),
    ...(type !== undefined && { type: { value: [type] } }),
    ...(words !== undefined && { enum: (words as unknown[]).map(anyMessage) }),
    ...(items !== undefined && { items: { schema: [schemaMessage(items as SchemaV2)] } }),
    ...(additionalProperties !== undefined && {
      additionalProperties: { schema: schemaMessage(additionalProperties as SchemaV2) },
    }),
    ...(properties !== undefined && {
      properties: { pairs: pairs(properties as Record<string, SchemaV2>, schemaMessage) },
    }),
    extensions: extensions(schema),
  }
}

/** JSON is YAML, too. */
function anyMessage(value: unknown): object {
  return { yaml: `${JSON.stringify(value)}\n` }
}

function extensions(object: object): object[] {
  const named = Object.entries(object).filter(([name]) => name.startsWith('x-'))
  return named.map(([name, value]) => ({ name, value: anyMessage(value) }))
}

function pathItem(item: PathItemV2): object {
  const parts = Object.entries(item).map(([name, part]) => [
    name,
    Array.isArray(part) ? part.map(parameterMessage) : operationMessage(part as OperationV2),
  ])
  return Object.fromEntries(parts)
}

function operationMessage(operation: OperationV2): object {
  const { tags, operationId, produces, consumes, schemes, parameters = [], responses } = operation
  return {
    ...{ tags, operationId, produces, consumes, schemes },
    parameters: parameters.map(parameterMessage),
    responses: {
      pairs: pairs(responses, ({ description, schema }) => ({
        response: { description, ...(schema && { schema: { schema: schemaMessage(schema) } }) },
      })),
    },
    extensions: extensions(operation),
  }
}

function parameterMessage(parameter: ParameterV2): object {
  if (parameter.in === 'body') {
    return { parameter: { body: { ...parameter, schema: schemaMessage(parameter.schema) } } }
  }
  return { parameter: { nonBody: { [parameter.in]: parameter } } }
}
