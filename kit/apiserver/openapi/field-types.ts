/**
 * The field types of every kind, from the schemas and from `field-rules.ts`, which says in a line per schema what is
 * particular: "env by name" (a list whose items are told apart by `name`), "ports by containerPort protocol=TCP" (two
 * keys, one with a default), "finalizers set", "nodeSelector whole" (one field), "claimRef parts" (divided, though its type
 * says whole), "spec present" (there in every object), "containers present by name" (both); "* whole" is about the schema
 * itself.
 */
import type { FieldsOfKind, FieldType, KindFields, ListKey } from '../../contracts/field-types.ts'
import { fieldRules } from './field-rules.ts'
import { schemaNamed, schemaNameOf } from './schemas.ts'

const LEAF: FieldType = { shape: 'leaf' }
const SET: FieldType = { shape: 'set' }

/** Fields of a whole object that have no owner but the server. Source: apimachinery `managedfields/internal/stripmeta.go`. */
const NOBODYS = new Set(['apiVersion', 'kind'])
const NOBODYS_IN_METADATA = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
])

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'

const kinds = new Map<string, KindFields>()
const structs = new Map<string, FieldType>()
const parsedRules = new Map<string, ReadonlyMap<string, string>>()

export const fieldsOfKind: FieldsOfKind = (kind) => {
  const name = schemaNameOf(kind)
  const known = kinds.get(name)
  if (known) return known
  const schema = schemaNamed(name)
  if (!schema) return undefined
  const metadataType = schema.fields.metadata?.type
  const metadata = metadataType ? without(NOBODYS_IN_METADATA, structOf(metadataType)) : undefined
  const whole = without(NOBODYS, structOf(name))
  const fields: KindFields = {
    type: { shape: 'struct', field: (field) => (field === 'metadata' ? metadata : whole.field(field)) },
    empty: emptyOf(name),
  }
  kinds.set(name, fields)
  return fields
}

type Struct = Extract<FieldType, { shape: 'struct' }>

function without(names: ReadonlySet<string>, type: Struct): Struct {
  return { shape: 'struct', field: (name) => (names.has(name) ? undefined : type.field(name)) }
}

function typeOf(type: string, ruleText: string | undefined): FieldType {
  const rule = ruleText?.replace(/^present ?/, '')
  if (rule === 'whole') return LEAF
  if (rule === 'set') return SET
  if (rule?.startsWith('by ')) return { shape: 'list', keys: keysOf(rule), items: typeOf(type.slice(2), undefined) }
  if (type.startsWith('[]')) return LEAF
  if (type.startsWith('map ')) {
    const value = typeOf(type.slice(4), undefined)
    return { shape: 'map', field: () => value }
  }
  if (!type.includes('.') || schemaNamed(type)?.type !== 'object') return LEAF
  return fieldRulesOf(type).get('*') === 'whole' && rule !== 'parts' ? LEAF : structOf(type)
}

/** Of a rule that begins with "by". */
export function keysOf(rule: string): ListKey[] {
  return rule
    .slice('by '.length)
    .split(' ')
    .map((key) => {
      const [name = '', fallback] = key.split('=')
      return fallback === undefined ? { name } : { name, fallback }
    })
}

/** Fields get their types when first asked for: some schemas lead back to themselves. */
function structOf(schemaName: string): Struct {
  const known = structs.get(schemaName)
  if (known) return known as Struct
  const fields = schemaNamed(schemaName)?.fields ?? {}
  const types = new Map<string, FieldType>()
  const struct: Struct = {
    shape: 'struct',
    field(name) {
      const type = types.get(name)
      if (type || !Object.hasOwn(fields, name)) return type
      const made = typeOf(fields[name]!.type, fieldRulesOf(schemaName).get(name))
      types.set(name, made)
      return made
    },
  }
  structs.set(schemaName, struct)
  return struct
}

function emptyOf(schemaName: string): Record<string, unknown> {
  // Go's encoder writes a time that is not set as null, in the metadata of templates as well.
  if (schemaName === OBJECT_META) return { creationTimestamp: null }
  const present = [...fieldRulesOf(schemaName)].filter(([, rule]) => rule.startsWith('present'))
  const fields = schemaNamed(schemaName)?.fields ?? {}
  return Object.fromEntries(
    present.map(([name]) => {
      const type = fields[name]?.type ?? ''
      return [name, type.startsWith('[]') ? [] : emptyOf(type)]
    }),
  )
}

/** By field, "*" for the schema itself. */
export function fieldRulesOf(schemaName: string): ReadonlyMap<string, string> {
  const known = parsedRules.get(schemaName)
  if (known) return known
  const text = Object.hasOwn(fieldRules, schemaName) ? fieldRules[schemaName]! : ''
  const rules = new Map(
    text
      .split('; ')
      .filter(Boolean)
      .map((rule) => [rule.slice(0, rule.indexOf(' ')), rule.slice(rule.indexOf(' ') + 1)]),
  )
  parsedRules.set(schemaName, rules)
  return rules
}
