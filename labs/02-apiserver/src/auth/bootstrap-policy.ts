/**
 * Looks after the roles and bindings that a new cluster begins with (bootstrap-objects.ts). They are objects like others: once
 * created they are the administrator's, who may change them; what is taken out of them comes back when a server starts
 * (reconcile-roles.ts).
 *
 * Node identities have no binding: node-authorizer.ts decides about kubelets.
 *
 * Source: kubernetes `pkg/registry/rbac/rest/storage_rbac.go` (the post-start hook `rbac/bootstrap-roles`).
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { rowOf } from '../kinds/row-of.ts'
import { type ApiContext, keyOf } from '../verbs/context.ts'
import { createObject } from '../verbs/create.ts'
import { mainDoor, updateObject } from '../verbs/update.ts'
import { withAggregatedRules } from './aggregation.ts'
import { bootstrapObjects } from './bootstrap-objects.ts'
import { reconciled } from './reconcile-roles.ts'
import type { RoleObject } from './role-objects.ts'

const CACHE_PATIENCE_MS = 2_000
const OPTIONS = { dryRun: false, fieldValidation: 'Strict' } as const

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
