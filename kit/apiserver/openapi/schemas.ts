/**
 * The fields of every kind: what there is, of which type, and what it means.
 *
 * Feeds three things: OpenAPI documents (`kubectl explain`, `apply`), the check for unknown fields, and the check that
 * values have the shape their field wants. Texts are parsed when first asked for, since most never are.
 */
import { schemaTexts } from './schema-texts.ts'

export interface Schema {
  readonly description: string
  /** "any" for what holds whatever it is given (RawExtension, FieldsV1). */
  readonly type: 'object' | 'any'
  readonly fields: Readonly<Record<string, Field>>
  /** Of kinds; parts of kinds have none. */
  readonly groupVersionKind?: { readonly group: string; readonly version: string; readonly kind: string }
}

export interface Field {
  /**
   * "string", "boolean", "integer", "number", "time", "quantity", "int-or-string", "any", or the name of a schema;
   * "[]" before it makes a list, "map " a map from strings.
   */
  readonly type: string
  readonly description: string
  readonly required?: true
}

const parsed = new Map<string, Schema>()

/** @param name as in OpenAPI: "io.k8s.api.core.v1.Pod" */
export function schemaNamed(name: string): Schema | undefined {
  const known = parsed.get(name)
  if (known) return known
  const text = Object.hasOwn(schemaTexts, name) ? schemaTexts[name] : undefined
  if (text === undefined) return undefined
  const schema = JSON.parse(text) as Schema
  parsed.set(name, schema)
  return schema
}

/** Groups whose schemas live elsewhere than under their own name. */
const packageOfGroup: Readonly<Record<string, string>> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
  'meta.k8s.io': 'io.k8s.apimachinery.pkg.apis.meta',
  'metrics.k8s.io': 'io.k8s.metrics.pkg.apis.metrics',
}

/** "io.k8s.api.apps.v1.Deployment" for a Deployment of apps/v1. */
export function schemaNameOf({ group, version, kind }: { group: string; version: string; kind: string }): string {
  // "rbac.authorization.k8s.io" lives in "io.k8s.api.rbac".
  const [short = ''] = group.split('.')
  return `${packageOfGroup[group] ?? `io.k8s.api.${short}`}.${version}.${kind}`
}
