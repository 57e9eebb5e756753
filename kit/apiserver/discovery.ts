/**
 * Discovery: what can be asked of this server, built from the rows of the kind registry.
 *
 * Two forms say the same. Aggregated: everything in two documents, /api and /apis (KEP-3352). Legacy: a list of groups,
 * and one document per group-version, which also names subresources as "pods/log".
 * Source: apiserver `pkg/endpoints/discovery`, apidiscovery.k8s.io/v2 and meta/v1 `APIResourceList`.
 */
import { createHash } from 'node:crypto'
import { apiVersionOf, type Resource } from '../api/resources.ts'
import type { KindRow, SubresourceRow } from '../contracts/apiserver.ts'

/** The rows of one group and version, by name. */
export interface GroupVersion {
  readonly group: string
  readonly version: string
  readonly rows: readonly KindRow[]
}

/** In the order in which the registry first names each group, then each version. */
export function groupVersions(kinds: readonly KindRow[]): GroupVersion[] {
  const rowsOf = new Map<string, KindRow[]>()
  for (const row of kinds) {
    const key = apiVersionOf(row.resource)
    rowsOf.set(key, [...(rowsOf.get(key) ?? []), row])
  }
  return [...rowsOf.values()].map((rows) => {
    const { group, version } = rows[0]!.resource
    return { group, version, rows: rows.toSorted((a, b) => compare(a.resource.plural, b.resource.plural)) }
  })
}

/** @param core true for /api, false for /apis. */
export function aggregatedDiscovery(kinds: readonly KindRow[], core: boolean, version: string) {
  const groups = groupsOf(kinds).filter(({ name }) => (name === '') === core)
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: { ...(name && { name }), creationTimestamp: null },
      versions: versions.map((entry) => ({
        version: entry.version,
        resources: entry.rows.map(discoveredResource),
        freshness: 'Current',
      })),
    })),
  }
}

function discoveredResource({ resource, verbs, subresources }: KindRow) {
  return {
    resource: resource.plural,
    responseKind: { group: '', version: '', kind: resource.kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: sorted(verbs),
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    ...(subresources.length > 0 && {
      subresources: byName(subresources).map((subresource) => ({
        subresource: subresource.name,
        responseKind: foreignKind(resource, subresource.kind) ?? {
          group: '',
          version: '',
          kind: subresource.kind.kind,
        },
        verbs: sorted(subresource.verbs),
      })),
    }),
  }
}

/** GET /api, the older form. */
export function apiVersions(kinds: readonly KindRow[], serverAddress: string) {
  return {
    kind: 'APIVersions',
    versions: groupsOf(kinds)
      .filter(({ name }) => name === '')
      .flatMap(({ versions }) => versions.map(({ version }) => version)),
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  }
}

/** GET /apis, the older form. */
export function apiGroupList(kinds: readonly KindRow[]) {
  const named = groupsOf(kinds).filter(({ name }) => name !== '')
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(apiGroupBody) }
}

/** GET /apis/apps; undefined for a group that does not exist. */
export function apiGroup(kinds: readonly KindRow[], group: string) {
  const found = groupsOf(kinds).find(({ name }) => name === group && name !== '')
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...apiGroupBody(found) }
}

function apiGroupBody({ name, versions }: Group) {
  const entries = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: entries, preferredVersion: entries[0] }
}

/** GET /api/v1 or /apis/apps/v1; undefined when there is no such group-version. */
export function apiResourceList(kinds: readonly KindRow[], groupVersion: string) {
  const found = groupVersions(kinds).find((entry) => apiVersionOf(entry) === groupVersion)
  if (!found) return undefined
  return {
    kind: 'APIResourceList',
    // Upstream leaves it out for the core group, whose document is older than the field.
    ...(found.group && { apiVersion: 'v1' }),
    groupVersion,
    resources: found.rows.flatMap((row) => listedResources(kinds, row)),
  }
}

function listedResources(kinds: readonly KindRow[], row: KindRow) {
  const { resource, verbs, subresources } = row
  const main = {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: sorted(verbs),
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    ...(verbs.includes('watch') && { storageVersionHash: storageVersionHash(kinds, row) }),
  }
  const below = byName(subresources).map((subresource) => ({
    name: `${resource.plural}/${subresource.name}`,
    singularName: '',
    namespaced: resource.namespaced,
    ...foreignKind(resource, subresource.kind),
    kind: subresource.kind.kind,
    verbs: sorted(subresource.verbs),
  }))
  return [main, ...below]
}

/** The subresource's kind with its group and version, when they are not the resource's own. */
function foreignKind(resource: Resource, kind: SubresourceRow['kind']) {
  return kind.group === resource.group && kind.version === resource.version ? undefined : kind
}

/** Upstream still writes these down as their first clients did; what a client may conclude from the hash stays the same. */
const STORED_IN_ANOTHER_VERSION: Readonly<Record<string, string>> = { CustomResourceDefinition: 'v1beta1' }

/** Changes when objects of the kind come to be stored in another version. */
function storageVersionHash(kinds: readonly KindRow[], row: KindRow): string {
  // Of the versions of one thing, the one that needs no conversion is stored.
  const stored =
    kinds.find(({ storagePrefix, conversion }) => storagePrefix === row.storagePrefix && !conversion) ?? row
  const { group, kind } = stored.resource
  const version = STORED_IN_ANOTHER_VERSION[kind] ?? stored.resource.version
  const digest = createHash('sha256').update(`${group}/${version}/${kind}`).digest()
  return digest.subarray(0, 8).toString('base64')
}

interface Group {
  readonly name: string
  readonly versions: readonly GroupVersion[]
}

function groupsOf(kinds: readonly KindRow[]): Group[] {
  const groups = new Map<string, GroupVersion[]>()
  for (const entry of groupVersions(kinds)) groups.set(entry.group, [...(groups.get(entry.group) ?? []), entry])
  return [...groups].map(([name, versions]) => ({ name, versions }))
}

function byName(subresources: readonly SubresourceRow[]): SubresourceRow[] {
  return subresources.toSorted((a, b) => compare(a.name, b.name))
}

function sorted(verbs: readonly string[]): string[] {
  return verbs.toSorted()
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
