/**
 * The roles and bindings that a new cluster begins with: upstream's, and two for components that are more here than upstream.
 * They are objects like others: once created they are the administrator's, who may change them; what is taken out of them comes
 * back when a server starts (reconcile-roles.ts).
 *
 * Node identities have no binding: node-authorizer.ts decides about kubelets.
 *
 * Source: kubernetes `pkg/registry/rbac/rest/storage_rbac.go` (the post-start hook `rbac/bootstrap-roles`).
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject } from '#kit/api/objects.ts'
import { type Resource, resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import {
  type BindingFacts,
  clusterRoleBindings,
  clusterRoles,
  type RoleFacts,
  roleBindings,
  roles,
} from '#kit/apiserver/bootstrap-roles.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { type ApiContext, keyOf } from '../verbs/context.ts'
import { createObject } from '../verbs/create.ts'
import { mainDoor, updateObject } from '../verbs/update.ts'
import { withAggregatedRules } from './aggregation.ts'
import type { PolicyRule } from './rbac.ts'
import { reconciled } from './reconcile-roles.ts'
import type { RoleObject, Subject } from './role-objects.ts'

const CACHE_PATIENCE_MS = 2_000
const OPTIONS = { dryRun: false, fieldValidation: 'Strict' } as const
const GROUP = resources.roles.group

/**
 * Roles that only this cluster needs. Its controller manager is one identity, so it has at once what upstream gives its
 * controllers one by one (`system:controller:…`); upstream's cloud controller manager and metrics server bring theirs along.
 */
const ownRoles: Readonly<Record<string, RoleFacts>> = {
  'brain-and-muscle:all-controllers': {
    rules: [
      'create,patch,update core,events.k8s.io events',
      'create,delete,get,list,patch,update,watch coordination.k8s.io leases',
      // The garbage collector and the namespace controller must see and delete everything.
      'delete,deletecollection,get,list,patch,update,watch * *',
      'create core configmaps,endpoints,pods,secrets,serviceaccounts,serviceaccounts/token',
      'create apps replicasets',
      'create discovery.k8s.io endpointslices',
    ],
  },
  'system:aggregated-metrics-reader': {
    aggregatesTo: 'view',
    rules: ['get,list,watch metrics.k8s.io nodes,pods'],
  },
  'system:cloud-controller-manager': {
    rules: [
      'create,patch,update core,events.k8s.io events',
      'create,get,list,patch,update,watch coordination.k8s.io leases',
      'get,list,patch,update,watch core nodes,services',
      'patch,update core nodes/status,services/status',
    ],
  },
}

const ownBindings: Readonly<Record<string, BindingFacts>> = {
  'brain-and-muscle:all-controllers': {
    role: 'brain-and-muscle:all-controllers',
    subjects: ['User:system:kube-controller-manager'],
  },
  'system:cloud-controller-manager': {
    role: 'system:cloud-controller-manager',
    subjects: ['User:system:cloud-controller-manager'],
  },
}

/** Creates what is missing. When nothing is, writes down what aggregated roles have gathered. */
export async function bootstrapRoles(context: ApiContext, kinds: readonly KindRow[]): Promise<void> {
  const missing = bootstrapObjects()
    .map(({ resource, object }) => ({ row: rowOf(kinds, resource), object }))
    // The cache knows what is there, so looking after all of them costs nothing.
    .filter(({ row, object }) => !context.caches.of(row).cache.get(keyOf({ row, ...placeOf(object) })))
  await Promise.all(
    missing.map(async ({ row, object }) => {
      const revision = await createUnlessThere(context, row, object)
      // Who is told that the roles are there reads them in the cache.
      await context.caches.of(row).waitFor(revision, CACHE_PATIENCE_MS)
    }),
  )
  // Right after a creation the cache may know only some of the parts.
  if (missing.length === 0) await writeAggregatedRules(context, rowOf(kinds, resources.clusterRoles))
}

/** Puts back what the roles and bindings that are there have lost. For a server that starts; later they are the users' own. */
export async function reconcileRoles(context: ApiContext, kinds: readonly KindRow[]): Promise<void> {
  for (const { resource, object: wanted } of bootstrapObjects()) {
    const target = { row: rowOf(kinds, resource), ...placeOf(wanted) }
    const existing = context.caches.of(target.row).cache.get(keyOf(target))
    if (!existing || !reconciled(existing, wanted)) continue
    const newObject = (current: ApiObject) => ({
      draft: structuredClone(reconciled(current, wanted) ?? current),
      warnings: [],
    })
    await updateObject(context, target, newObject, OPTIONS, mainDoor(target.row))
  }
}

function rowOf(kinds: readonly KindRow[], { plural, group }: Resource): KindRow {
  const row = kinds.find(({ resource }) => resource.plural === plural && resource.group === group)
  if (!row) throw new Error(`no kind ${plural}`)
  return row
}

function placeOf({ metadata }: ApiObject) {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }
}

/** @returns the revision of what was created; 0 when somebody else was faster. */
async function createUnlessThere(context: ApiContext, row: KindRow, object: ApiObject): Promise<number> {
  try {
    const created = await createObject(context, { row, namespace: placeOf(object).namespace }, object, OPTIONS)
    return Number(created.object.metadata?.resourceVersion)
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
    return 0
  }
}

async function writeAggregatedRules(context: ApiContext, row: KindRow): Promise<void> {
  const stored = context.caches
    .of(row)
    .sortedEntries()
    .map(([, object]) => object as RoleObject)
  for (const [i, { metadata, rules }] of withAggregatedRules(stored).entries()) {
    if (isDeepStrictEqual(rules, stored[i]?.rules)) continue
    const target = { row, namespace: '', name: metadata?.name ?? '' }
    const newObject = (current: ApiObject) => ({ draft: { ...structuredClone(current), rules }, warnings: [] })
    await updateObject(context, target, newObject, OPTIONS, mainDoor(row))
  }
}

function bootstrapObjects(): { resource: Resource; object: ApiObject }[] {
  const clusterWide = (resource: Resource, objects: readonly ApiObject[]) =>
    objects.map((object) => ({ resource, object }))
  const allClusterRoles = Object.entries({ ...clusterRoles, ...ownRoles }).map(([name, facts]) => roleOf(name, facts))
  const allBindings = Object.entries({ ...clusterRoleBindings, ...ownBindings })
  const namespaced = <Facts>(
    resource: Resource,
    facts: Readonly<Record<string, Readonly<Record<string, Facts>>>>,
    make: (name: string, one: Facts, namespace: string) => ApiObject,
  ) =>
    Object.entries(facts).flatMap(([namespace, byName]) =>
      Object.entries(byName).map(([name, one]) => ({ resource, object: make(name, one, namespace) })),
    )
  return [
    ...clusterWide(resources.clusterRoles, withAggregatedRules(allClusterRoles)),
    ...clusterWide(
      resources.clusterRoleBindings,
      allBindings.map(([name, facts]) => bindingOf(name, facts)),
    ),
    ...namespaced(resources.roles, roles, roleOf),
    ...namespaced(resources.roleBindings, roleBindings, bindingOf),
  ]
}

function metadataOf(name: string, namespace?: string, labels: Record<string, string> = {}): ApiObject['metadata'] {
  return {
    name,
    ...(namespace && { namespace }),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  }
}

function roleOf(name: string, { aggregatesTo, aggregates, rules }: RoleFacts, namespace?: string): RoleObject {
  const label = (role: string) => ({ [`${GROUP}/aggregate-to-${role}`]: 'true' })
  return {
    metadata: metadataOf(name, namespace, aggregatesTo ? label(aggregatesTo) : {}),
    ...(aggregates && { aggregationRule: { clusterRoleSelectors: [{ matchLabels: label(aggregates) }] } }),
    rules: rules.map(ruleOf),
  }
}

/** "get,list core pods,services", "get core secrets tls", "get /healthz,/livez". */
function ruleOf(text: string): PolicyRule {
  const [verbs = [], where = [], resourcesOfRule, resourceNames] = text.split(' ').map((word) => word.split(','))
  if (!resourcesOfRule) return { verbs, nonResourceURLs: where }
  const apiGroups = where.map((group) => (group === 'core' ? '' : group))
  return { verbs, apiGroups, resources: resourcesOfRule, ...(resourceNames && { resourceNames }) }
}

function bindingOf(name: string, { role, subjects }: BindingFacts, namespace?: string): ApiObject {
  return {
    metadata: metadataOf(name, namespace),
    roleRef: { apiGroup: GROUP, kind: namespace ? 'Role' : 'ClusterRole', name: role },
    ...(subjects.length > 0 && { subjects: subjects.map(subjectOf) }),
  }
}

function subjectOf(text: string): Subject {
  const [, kind = '', who = ''] = /^(\w+):(.*)$/.exec(text) ?? []
  if (kind !== 'ServiceAccount') return { kind, apiGroup: GROUP, name: who }
  const [namespace = '', name = ''] = who.split('/')
  return { kind, namespace, name }
}
