/**
 * Our schemas in OpenAPI's words, and with them all that they refer to.
 */
import { enums } from './enums.ts'
import { fieldRulesOf, keysOf } from './field-types.ts'
import { type PatchRule, patchRulesOf } from './patch-rules.ts'
import { type Field, type Schema, schemaNamed } from './schemas.ts'

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'

/** Kinds of value that upstream gives a schema of their own, though in JSON they are scalars. */
const scalarSchemas: Readonly<Record<string, { readonly name: string; readonly schema: object }>> = {
  time: { name: `${META}.Time`, schema: { type: 'string', format: 'date-time', description: 'A time in RFC 3339.' } },
  quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    schema: {
      description: 'A number with a suffix: 100m, 1.5, 64Mi, 2G, 1e3.',
      oneOf: [{ type: 'string' }, { type: 'number' }],
    },
  },
  'int-or-string': {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    schema: {
      description: 'A number or a name.',
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    },
  },
}

/** `components.schemas` for these schemas and whatever they use. Names that are unknown get a schema that allows all. */
export function componentSchemas(roots: readonly string[]): Record<string, object> {
  const found: Record<string, object> = {}
  const queue = [...roots]
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found[name]) continue
    const schema = schemaNamed(name)
    found[name] = schema ? openApiSchema(name, schema, (reference) => queue.push(reference)) : { type: 'object' }
  }
  for (const { name, schema } of Object.values(scalarSchemas)) found[name] = schema
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function openApiSchema(schemaName: string, schema: Schema, refer: (name: string) => void): object {
  const fields = Object.entries(schema.fields)
  const patchRules = patchRulesOf(schemaName)
  const fieldRules = fieldRulesOf(schemaName)
  const required = fields.filter(([, field]) => field.required).map(([name]) => name)
  return {
    ...(schema.description && { description: schema.description }),
    type: 'object',
    ...(required.length > 0 && { required }),
    ...(fields.length > 0 && {
      properties: Object.fromEntries(
        fields.map(([name, field]) => [
          name,
          {
            ...openApiField(field, enums[`${schemaName}.${name}`], refer),
            ...ownerExtensions(fieldRules.get(name)),
            ...patchExtensions(patchRules.get(name)),
          },
        ]),
      ),
    }),
    ...ownerExtensions(fieldRules.get('*')),
    ...(schema.groupVersionKind && { 'x-kubernetes-group-version-kind': [schema.groupVersionKind] }),
  }
}

function openApiField(
  { description, type }: Field,
  words: readonly string[] | undefined,
  refer: (name: string) => void,
) {
  return { description, ...openApiType(type, refer), ...(words && { enum: words }) }
}

/** How server-side apply divides the value into fields: see field-types.ts for the words. */
function ownerExtensions(rule: string | undefined): object {
  const word = rule?.replace(/^present ?/, '')
  if (word === 'whole') return { 'x-kubernetes-map-type': 'atomic' }
  if (word === 'parts') return { 'x-kubernetes-map-type': 'granular' }
  if (word === 'set') return { 'x-kubernetes-list-type': 'set' }
  if (!word?.startsWith('by ')) return {}
  const keys = keysOf(word).map(({ name }) => name)
  return { 'x-kubernetes-list-map-keys': keys, 'x-kubernetes-list-type': 'map' }
}

function patchExtensions(rule: PatchRule | undefined): object {
  if (!rule) return {}
  const { strategy, mergeKey } = rule
  return {
    ...(mergeKey && { 'x-kubernetes-patch-merge-key': mergeKey }),
    'x-kubernetes-patch-strategy': strategy,
  }
}

function openApiType(type: Field['type'], refer: (name: string) => void): object {
  if (type.startsWith('[]')) return { type: 'array', items: openApiType(type.slice(2), refer) }
  if (type.startsWith('map ')) return { type: 'object', additionalProperties: openApiType(type.slice(4), refer) }
  if (type === 'any') return { type: 'object' }
  const scalar = scalarSchemas[type]
  if (scalar) return reference(scalar.name)
  if (!type.includes('.')) return { type }
  refer(type)
  return reference(type)
}

/** Inside `allOf`, since beside a bare `$ref` OpenAPI 3.0 ignores everything, the description too. */
function reference(name: string): object {
  return { allOf: [{ $ref: `#/components/schemas/${name}` }] }
}
