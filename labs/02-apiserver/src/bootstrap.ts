/**
 * What every cluster has from its first moment: its four namespaces, the priorities of its own pods, and the Service
 * `kubernetes`, by which pods find the API server.
 *
 * Source: kubernetes `pkg/controlplane/controller/{systemnamespaces,kubernetesservice}`, `pkg/registry/scheduling/rest`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { SYSTEM_CLASSES } from './admission/priority.ts'
import { rowOf } from './kinds/row-of.ts'
import { addressAt, parseIpv4Range } from './services/ipv4-range.ts'
import { SERVICES } from './storage/keys.ts'
import { type ApiContext, keyOf } from './verbs/context.ts'
import { createObject } from './verbs/create.ts'
import { putObject } from './verbs/update.ts'

const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']
const OPTIONS = { dryRun: false, fieldValidation: 'Strict' } as const

export interface BootstrapOptions {
  readonly serviceClusterIpRange: string
  /** Where pods reach the API server. */
  readonly advertiseAddress: string
  readonly port: number
}

export async function bootstrap(
  context: ApiContext,
  kinds: readonly KindRow[],
  options: BootstrapOptions,
): Promise<void> {
  const namespaces = rowOf(kinds, resources.namespaces)
  await Promise.all(SYSTEM_NAMESPACES.map((name) => ensure(context, namespaces, '', { metadata: { name } })))
  const classes = rowOf(kinds, resources.priorityClasses)
  await Promise.all(SYSTEM_CLASSES.map((one) => ensure(context, classes, '', { ...one })))
  const { service, endpoints, endpointSlice } = kubernetesService(options)
  await ensure(context, rowOf(kinds, resources.services), 'default', service)
  await ensureExactly(context, rowOf(kinds, resources.endpoints), endpoints, ['subsets'])
  await ensureExactly(context, rowOf(kinds, resources.endpointSlices), endpointSlice, ['endpoints', 'ports'])
}

/** Makes the address ranges agree with the Services that exist: a crash may have left a number taken that nobody has. */
export async function repairAddresses(context: ApiContext): Promise<void> {
  const { cache } = context.caches.of(SERVICES)
  await context.addresses.repair([...cache.entries().values()])
}

/** Creates it unless it is there. */
async function ensure(context: ApiContext, row: KindRow, namespace: string, object: ApiObject): Promise<void> {
  if (await context.objects.get(keyOf({ row, namespace, name: object.metadata?.name ?? '' }))) return
  try {
    await createObject(context, { row, namespace }, object, OPTIONS)
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
  }
}

/** As `ensure`, and puts these fields right if they are not. */
async function ensureExactly(
  context: ApiContext,
  row: KindRow,
  object: ApiObject,
  fields: readonly string[],
): Promise<void> {
  await ensure(context, row, 'default', object)
  const target = { row, namespace: 'default', name: object.metadata?.name ?? '' }
  const current: Stored<ApiObject> | undefined = await context.objects.get(keyOf(target))
  if (current && fields.some((field) => !isDeepStrictEqual(current[field], object[field]))) {
    await putObject(context, target, object, OPTIONS)
  }
}

function kubernetesService({ serviceClusterIpRange, advertiseAddress, port }: BootstrapOptions) {
  const labels = { component: 'apiserver', provider: 'kubernetes' }
  const name = 'kubernetes'
  const service: ApiObject = {
    metadata: { name, labels },
    spec: {
      clusterIP: addressAt(parseIpv4Range(serviceClusterIpRange), 0),
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
    },
  }
  const endpoints: ApiObject = {
    // The slice is ours to write, not the mirroring controller's.
    metadata: { name, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: [{ ip: advertiseAddress }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  }
  const endpointSlice: ApiObject = {
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [advertiseAddress], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  }
  return { service, endpoints, endpointSlice }
}
