/**
 * Makes `schema-texts.ts`: the fields of every kind, with types and descriptions, from the declarations of the npm package
 * `kubernetes-types` (which is itself generated from upstream's OpenAPI document). Run it after updating that package:
 *
 *     npx tsx kit/apiserver/openapi/generate-schemas.ts
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { missingFields } from './missing-fields.ts'
import { type Field, type Schema, schemaNameOf } from './schemas.ts'

/** Declaration file (without ".d.ts") → prefix of the names of its schemas in upstream's OpenAPI. */
const modules: Readonly<Record<string, string>> = {
  'admissionregistration/v1': 'io.k8s.api.admissionregistration.v1',
  'api/resource': 'io.k8s.apimachinery.pkg.api.resource',
  'apiextensions/v1': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
  'apps/v1': 'io.k8s.api.apps.v1',
  'authentication/v1': 'io.k8s.api.authentication.v1',
  'authorization/v1': 'io.k8s.api.authorization.v1',
  'autoscaling/v1': 'io.k8s.api.autoscaling.v1',
  'autoscaling/v2': 'io.k8s.api.autoscaling.v2',
  'batch/v1': 'io.k8s.api.batch.v1',
  'certificates/v1': 'io.k8s.api.certificates.v1',
  'coordination/v1': 'io.k8s.api.coordination.v1',
  'core/v1': 'io.k8s.api.core.v1',
  'discovery/v1': 'io.k8s.api.discovery.v1',
  'events/v1': 'io.k8s.api.events.v1',
  'flowcontrol/v1': 'io.k8s.api.flowcontrol.v1',
  'meta/v1': 'io.k8s.apimachinery.pkg.apis.meta.v1',
  'networking/v1': 'io.k8s.api.networking.v1',
  'node/v1': 'io.k8s.api.node.v1',
  'policy/v1': 'io.k8s.api.policy.v1',
  'rbac/v1': 'io.k8s.api.rbac.v1',
  runtime: 'io.k8s.apimachinery.pkg.runtime',
  'scheduling/v1': 'io.k8s.api.scheduling.v1',
  'storage/v1': 'io.k8s.api.storage.v1',
}

/** Types that are written as something simpler than what they are declared as. */
const scalarAliases: Readonly<Record<string, string>> = { Quantity: 'quantity', Time: 'time', MicroTime: 'time' }

/** The only numbers of the API that need not be whole. */
const fractional = new Set(['maximum', 'minimum', 'multipleOf'])

/** The little of a syntax tree that declarations need. */
interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  // biome-ignore lint/suspicious/noExplicitAny: the tree's shape is the parser's, and this script is run by hand.
  readonly [part: string]: any
}

const root = dirname(createRequire(import.meta.url).resolve('kubernetes-types/package.json'))

function generate(): Map<string, Schema> {
  const schemas = new Map<string, Schema>()
  for (const [module, prefix] of Object.entries(modules)) {
    const source = readFileSync(join(root, `${module}.d.ts`), 'utf8')
    const { program, comments } = parseSync(`${module}.d.ts`, source)
    const body = program.body as unknown as SyntaxNode[]
    const names = importedNames(body, module, prefix)
    const describe = descriptions(comments as unknown as SyntaxNode[], source)
    for (const { type, declaration, start } of body) {
      if (type !== 'ExportNamedDeclaration' || !declaration) continue
      const name = `${prefix}.${declaration.id.name}`
      if (declaration.type === 'TSInterfaceDeclaration') {
        schemas.set(name, { description: describe(start), ...interfaceSchema(declaration, names, describe) })
      } else if (!scalarAliases[declaration.id.name])
        schemas.set(name, { description: describe(start), type: 'any', fields: {} })
    }
  }
  return schemas
}

/** Local name → full name, for what a file imports and what it declares. */
function importedNames(body: readonly SyntaxNode[], module: string, prefix: string): Map<string, string> {
  const names = new Map<string, string>()
  for (const node of body) {
    if (node.type === 'ImportDeclaration') {
      const from = join(dirname(module), node.source.value as string)
      for (const specifier of node.specifiers)
        names.set(specifier.local.name, `${modules[from]}.${specifier.imported.name}`)
    } else if (node.declaration) names.set(node.declaration.id.name, `${prefix}.${node.declaration.id.name}`)
  }
  return names
}

function interfaceSchema(
  declaration: SyntaxNode,
  names: ReadonlyMap<string, string>,
  describe: (start: number) => string,
): Pick<Schema, 'type' | 'fields' | 'groupVersionKind'> {
  const fields: Record<string, Field> = {}
  const literals: Record<string, string> = {}
  for (const member of declaration.body.body as SyntaxNode[]) {
    if (member.type !== 'TSPropertySignature') continue
    const name: string = member.key.name ?? member.key.value
    const annotation = member.typeAnnotation.typeAnnotation as SyntaxNode
    if (annotation.type === 'TSLiteralType') literals[name] = annotation.literal.value
    const type = fractional.has(name) && annotation.type === 'TSNumberKeyword' ? 'number' : typeText(annotation, names)
    fields[name] = { type, description: describe(member.start), ...(!member.optional && { required: true }) }
  }
  const { apiVersion, kind } = literals
  const [version = '', group = ''] = (apiVersion ?? '').split('/').reverse()
  return {
    type: Object.keys(fields).length > 0 ? 'object' : 'any',
    fields,
    ...(apiVersion && kind && { groupVersionKind: { group, version, kind } }),
  }
}

/** See `Field.type` for the little language. */
function typeText(node: SyntaxNode, names: ReadonlyMap<string, string>): string {
  switch (node.type) {
    case 'TSStringKeyword':
    case 'TSLiteralType':
      return 'string'
    case 'TSBooleanKeyword':
      return 'boolean'
    case 'TSNumberKeyword':
      return 'integer'
    case 'TSArrayType':
      return `[]${typeText(node.elementType, names)}`
    case 'TSTypeReference': {
      const name: string = node.typeName.name
      if (name === 'Array') return `[]${typeText((node.typeArguments ?? node.typeParameters).params[0], names)}`
      return scalarAliases[name] ?? names.get(name) ?? 'any'
    }
    case 'TSTypeLiteral': {
      const index = node.members.find((member: SyntaxNode) => member.type === 'TSIndexSignature')
      return index ? `map ${typeText(index.typeAnnotation.typeAnnotation, names)}` : 'any'
    }
    case 'TSUnionType':
      return node.types.every(({ type }: SyntaxNode) => type === 'TSNumberKeyword' || type === 'TSStringKeyword')
        ? 'int-or-string'
        : 'any'
    default:
      return 'any'
  }
}

/** The text of the comment that ends where a declaration starts, white space aside. */
function descriptions(comments: readonly SyntaxNode[], source: string): (start: number) => string {
  const byEnd = new Map(comments.map((comment) => [comment.end, comment.value as string]))
  return (start) => {
    let end = start
    while (/\s/.test(source[end - 1] ?? '')) end--
    const text = byEnd.get(end) ?? ''
    const lines = text.split('\n').map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
    return lines.join('\n').replace(/^\*/, '').trim()
  }
}

const schemas = generate()
for (const [name, fields] of Object.entries(missingFields)) {
  const known = schemas.get(name) ?? { description: '', type: 'object', fields: {} }
  const sorted = Object.entries({ ...known.fields, ...fields }).sort(([a], [b]) => (a < b ? -1 : 1))
  schemas.set(name, { ...known, fields: Object.fromEntries(sorted) })
}
const describedHere = [
  ['apiregistration.k8s.io', 'v1', 'APIService', 'Says which server serves a group-version.'],
  ['apiregistration.k8s.io', 'v1', 'APIServiceList', 'A list of APIServices.'],
  ['metrics.k8s.io', 'v1beta1', 'NodeMetrics', 'What a node uses of cpu and memory.'],
  ['metrics.k8s.io', 'v1beta1', 'NodeMetricsList', 'A list of NodeMetrics.'],
  ['metrics.k8s.io', 'v1beta1', 'PodMetrics', 'What the containers of a pod use of cpu and memory.'],
  ['metrics.k8s.io', 'v1beta1', 'PodMetricsList', 'A list of PodMetrics.'],
] as const
for (const [group, version, kind, description] of describedHere) {
  const groupVersionKind = { group, version, kind }
  const name = schemaNameOf(groupVersionKind)
  schemas.set(name, { ...schemas.get(name)!, description, groupVersionKind })
}
const lines = [...schemas]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, schema]) => `  ${JSON.stringify(name)}: ${JSON.stringify(JSON.stringify(schema))},`)
const digest = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 32)
writeFileSync(
  new URL('./schema-texts.ts', import.meta.url),
  `/**\n` +
    ` * The schema of every kind and of its parts, as JSON text: fields, types, descriptions. schemas.ts parses one when it is first\n` +
    ` * asked for.\n` +
    ` *\n` +
    ` * Generated by generate-schemas.ts; do not edit. Source: the npm package kubernetes-types (Apache-2.0).\n` +
    ` */\n` +
    `export const schemaDigest = '${digest}'\n\n` +
    `// One JSON text per schema, so that starting up parses none of them.\n` +
    `export const schemaTexts: Readonly<Record<string, string>> = {\n${lines.join('\n')}\n}\n`,
)
console.log(`${schemas.size} schemas`)
