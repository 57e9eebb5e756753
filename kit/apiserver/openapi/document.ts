/**
 * OpenAPI v3: one document per group-version, made from the kind registry and the schemas.
 *
 * Complete in what kubectl reads: per path the operations with their kind; that PATCH takes `fieldValidation` (else kubectl
 * falls back to the older document); all schemas, for `kubectl explain`. A strategic merge patch is not announced on
 * purpose: `kubectl apply` would then want merge keys from here, which it has compiled in for the kinds it knows.
 * Source: apiserver `pkg/endpoints/installer.go`, kube-openapi `pkg/handler3`; WIRE "OpenAPI v3 is needed".
 */
import { createHash } from 'node:crypto'
import { apiVersionOf } from '../../api/resources.ts'
import type { KindRow, Verb } from '../../contracts/apiserver.ts'
import { groupVersions } from '../discovery.ts'
import { API_LEVEL } from '../server-version.ts'
import { componentSchemas } from './component-schemas.ts'
import { CONNECTING, capitalized, type Names, operationNames } from './operation-names.ts'
import { schemaDigest } from './schema-texts.ts'
import { schemaNameOf } from './schemas.ts'

/** GET /openapi/v3: where each document is. The hash changes when the document does, so clients may keep it for ever. */
export function openApiIndex(kinds: readonly KindRow[]) {
  const paths: Record<string, { serverRelativeURL: string }> = {}
  for (const entry of groupVersions(kinds)) {
    const path = basePath(entry).slice(1)
    const rows = entry.rows.map(({ resource, verbs, subresources }) => [resource, verbs, subresources])
    const hash = createHash('sha256')
      .update(JSON.stringify([BUILD, schemaDigest, API_LEVEL, rows]))
      .digest('hex')
      .toUpperCase()
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }
  }
  return { paths }
}

/** To be raised when documents come to be made another way: clients keep what they got for as long as the hash is the same. */
const BUILD = 3

/** Texts by registry and path: they are large, and asked for again and again. */
const texts = new WeakMap<readonly KindRow[], Map<string, string>>()

/** @param path "api/v1", "apis/apps/v1"; undefined for a group-version that is not served. */
export function openApiDocument(kinds: readonly KindRow[], path: string): string | undefined {
  const known = texts.get(kinds) ?? new Map<string, string>()
  texts.set(kinds, known)
  const text = known.get(path) ?? buildDocument(kinds, path)
  if (text) known.set(path, text)
  return text
}

function buildDocument(kinds: readonly KindRow[], path: string): string | undefined {
  const entry = groupVersions(kinds).find((candidate) => basePath(candidate) === `/${path}`)
  if (!entry) return undefined
  const paths: Record<string, object> = {}
  for (const row of entry.rows) Object.assign(paths, pathsOf(row))
  const roots = entry.rows.flatMap(({ resource, verbs, subresources }) => [
    schemaNameOf(resource),
    ...(verbs.includes('list') ? [listSchemaOf(resource)] : []),
    ...subresources.map(({ kind }) => schemaNameOf(kind)),
  ])
  return JSON.stringify({
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: `v${API_LEVEL.major}.${API_LEVEL.minor}.0` },
    paths,
    components: { schemas: componentSchemas([...roots, schemaNameOf({ ...META, kind: 'DeleteOptions' })]) },
  })
}

const META = { group: 'meta.k8s.io', version: 'v1' }

function basePath(entry: { group: string; version: string }): string {
  return entry.group ? `/apis/${apiVersionOf(entry)}` : `/api/${entry.version}`
}

function pathsOf({ resource, verbs, subresources }: KindRow): Record<string, object> {
  const base = basePath(resource)
  const scoped = resource.namespaced ? `${base}/namespaces/{namespace}` : base
  const collection = `${scoped}/${resource.plural}`
  const item = `${collection}/{name}`
  const { group, version, kind } = resource
  const own = { group, version, kind }
  const noun = resource.namespaced ? `Namespaced${kind}` : kind
  const names: Names = { group, version, noun }
  const paths: Record<string, object> = {
    [collection]: pathItem(collection, own, verbs, ['list', 'create', 'deletecollection'], names),
    [item]: pathItem(item, own, verbs, ['get', 'update', 'patch', 'delete'], names),
  }
  if (resource.namespaced && verbs.includes('list')) {
    const everywhere = `${base}/${resource.plural}`
    paths[everywhere] = pathItem(everywhere, own, verbs, ['list'], { ...names, noun: `${kind}ForAllNamespaces` })
  }
  for (const { name, kind: carried, verbs: possible } of subresources) {
    const path = `${item}/${name}`
    const connects = CONNECTING.includes(name)
    const subNames = { ...names, noun: `${noun}${capitalized(name)}`, connects }
    paths[path] = pathItem(path, carried, possible, ['get', 'create', 'update', 'patch', 'delete'], subNames)
  }
  return paths
}

type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string }

const methods: Readonly<Record<string, string>> = {
  list: 'get',
  get: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
}

function pathItem(
  path: string,
  kind: GroupVersionKind,
  verbs: readonly Verb[],
  possible: readonly Verb[],
  names: Names,
): object {
  const operations = possible
    .filter((verb) => verbs.includes(verb))
    .map((verb) => [methods[verb], operation(kind, verb, names)] as const)
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', uniqueItems: true },
  }))
  return { ...Object.fromEntries(operations), parameters: inPath }
}

function operation(kind: GroupVersionKind, verb: Verb, names: Names): object {
  const schema = { $ref: `#/components/schemas/${schemaNameOf(kind)}` }
  const list = { $ref: `#/components/schemas/${listSchemaOf(kind)}` }
  const json = { 'application/json': { schema: verb === 'list' ? list : schema } }
  const body = {
    create: { '*/*': { schema } },
    update: { '*/*': { schema } },
    patch: Object.fromEntries(
      ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'].map((type) => [
        type,
        { schema: { type: 'object' } },
      ]),
    ),
  }[verb as string]
  return {
    ...operationNames(names, verb),
    ...(body && { requestBody: { content: body, required: true } }),
    ...(body && { parameters: writeParameters(verb) }),
    responses: { '200': { description: 'OK', content: json } },
    'x-kubernetes-group-version-kind': kind,
  }
}

function listSchemaOf(kind: GroupVersionKind): string {
  return schemaNameOf({ ...kind, kind: `${kind.kind}List` })
}

function writeParameters(verb: Verb): object[] {
  const names = ['dryRun', 'fieldManager', 'fieldValidation', ...(verb === 'patch' ? ['force'] : [])]
  return names.map((name) => ({
    name,
    in: 'query',
    schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
  }))
}
