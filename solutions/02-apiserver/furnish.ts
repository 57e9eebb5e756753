/**
 * What a cluster has besides what it cannot do without (bootstrap.ts): objects that clients, controllers and extension servers
 * look for. They are made after the server is ready, so that nobody waits for them.
 *
 * Source: kubernetes `pkg/controlplane/controller/{apiserverleasegc,clusterauthenticationtrust}`; kube-aggregator
 * `pkg/controllers/autoregister`; apiserver `pkg/util/flowcontrol/apf_controller.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject } from '#kit/api/objects.ts'
import { type Resource, resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import { flowSchemas, localApiServices, priorityLevels } from '#kit/apiserver/furniture.ts'
import { serverName } from '#kit/apiserver/server-identity.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { toRfc3339 } from './deletion.ts'
import { rowOf } from './kinds/row-of.ts'
import { type ApiContext, keyOf, type Target } from './verbs/context.ts'
import { createObject } from './verbs/create.ts'
import { mainDoor, updateObject } from './verbs/update.ts'

const OPTIONS = { dryRun: false, fieldValidation: 'Ignore' } as const
const IDENTITY_LEASE_SECONDS = 3600

export interface FurnishOptions {
  readonly hostname: string
  /** New with each start of the server. */
  readonly serverUid: string
  /** PEM; whom the server trusts for client certificates. Extension servers trust them, too. */
  readonly clientCertificateAuthority?: string | undefined
}

/** Makes what is missing, and renews the server's sign of life. Looks in the caches, so it costs next to nothing when all is there. */
export async function furnish(context: ApiContext, kinds: readonly KindRow[], options: FurnishOptions): Promise<void> {
  const now = toRfc3339(context.clock.now())
  const served = kinds.map(({ resource }) => resource)
  await Promise.all([
    ensureAll(context, kinds, resources.priorityLevelConfigurations, priorityLevels() as ApiObject[]),
    ensureAll(context, kinds, resources.flowSchemas, flowSchemas(now) as ApiObject[]),
    ensureAll(context, kinds, resources.apiServices, localApiServices(served, now)),
    ensureAll(context, kinds, resources.configMaps, [tokenTracking(now)]),
    ensureTrust(context, kinds, options),
    renewIdentity(context, kinds, options),
  ])
}

async function ensureAll(
  context: ApiContext,
  kinds: readonly KindRow[],
  resource: Resource,
  objects: readonly ApiObject[],
): Promise<void> {
  const row = rowOf(kinds, resource)
  await Promise.all(objects.map((object) => ensure(context, targetOf(row, object), object)))
}

/** Creates it, unless it is there. Its status is stored as it is: nobody else will write it. */
async function ensure(context: ApiContext, { row, namespace, name }: Target, object: ApiObject): Promise<void> {
  if (context.caches.of(row).cache.get(keyOf({ row, namespace, name }))) return
  try {
    await createObject(context, { row: { ...row, prepareForCreate: () => {} }, namespace }, object, OPTIONS)
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
  }
}

/** Since when the use of tokens that never end is noticed. There are none here, so nothing more is written. */
function tokenTracking(now: string): ApiObject {
  const metadata = { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' }
  return { metadata, data: { since: now.slice(0, 'YYYY-MM-DD'.length) } }
}

/** Where extension servers read whose certificates to believe. */
async function ensureTrust(
  context: ApiContext,
  kinds: readonly KindRow[],
  { clientCertificateAuthority }: FurnishOptions,
): Promise<void> {
  if (!clientCertificateAuthority) return
  const data = { 'client-ca-file': clientCertificateAuthority }
  const metadata = { name: 'extension-apiserver-authentication', namespace: 'kube-system' }
  await put(context, targetOf(rowOf(kinds, resources.configMaps), { metadata }), { metadata, data }, { data })
}

/** A Lease per server tells which servers there are. */
async function renewIdentity(
  context: ApiContext,
  kinds: readonly KindRow[],
  { hostname, serverUid }: FurnishOptions,
): Promise<void> {
  const name = serverName(hostname)
  const labels = { 'apiserver.kubernetes.io/identity': 'kube-apiserver', 'kubernetes.io/hostname': hostname }
  const spec = {
    holderIdentity: `${name}_${serverUid}`,
    leaseDurationSeconds: IDENTITY_LEASE_SECONDS,
    renewTime: new Date(context.clock.now()).toISOString().replace('Z', '000Z'),
  }
  const lease = { metadata: { name, namespace: 'kube-system', labels }, spec }
  await put(context, targetOf(rowOf(kinds, resources.leases), lease), lease, { spec })
}

/** Creates it, or sets these fields of it if they are otherwise. */
async function put(
  context: ApiContext,
  target: Target,
  object: ApiObject,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  await ensure(context, target, object)
  const cached = context.caches.of(target.row).cache.get(keyOf(target))
  if (!cached || Object.entries(fields).every(([field, value]) => isDeepStrictEqual(cached[field], value))) return
  const withFields = (current: ApiObject) => ({ draft: { ...structuredClone(current), ...fields }, warnings: [] })
  await updateObject(context, target, withFields, OPTIONS, mainDoor(target.row))
}

function targetOf(row: KindRow, { metadata }: ApiObject): Target {
  return { row, namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }
}
