/**
 * `bindings` is `pods/binding` with the pod's name in the body instead of in the path. `componentstatuses` says how etcd, the
 * scheduler and the controller manager are: etcd is asked; of the other two it is known whether they renew their claims to lead.
 *
 * Source: kubernetes `pkg/registry/core/pod/storage/storage.go` (LegacyBindingREST), `pkg/registry/core/componentstatus/rest.go`.
 */
import type { ApiObject, Lease, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { storeAnswers } from '#kit/apiserver/store-health.ts'
import type { ApiResponse } from '#kit/contracts/apiserver.ts'
import type { Call } from './call.ts'
import { badRequest, methodNotAllowed, notFound, unknownResource } from './errors.ts'
import { coreRows } from './kinds/groups/core.ts'
import { LEASES, storageKey } from './storage/keys.ts'
import { handleSubresource } from './subresources/dispatch.ts'
import type { ApiContext } from './verbs/context.ts'
import { parseListOptions } from './verbs/list-options.ts'

const DEPRECATION = 'v1 ComponentStatus is deprecated in v1.19+'

export function answerLegacy(call: Call): Promise<ApiResponse> {
  const { row, namespace } = call.target
  if (call.info.subresource) throw unknownResource()
  if (!row.verbs.some((verb) => verb === call.info.verb)) throw methodNotAllowed()
  if (row.resource.namespaced && !namespace) throw methodNotAllowed()
  return row.resource.kind === 'Binding' ? bindNamedPod(call) : answerComponentStatuses(call)
}

function bindNamedPod(call: Call): Promise<ApiResponse> {
  const { metadata } = (call.request.body ?? {}) as ApiObject
  const row = coreRows.find(({ resource }) => resource === resources.pods)!
  const name = metadata?.name
  if (typeof name !== 'string' || name === '') throw badRequest('metadata.name: Required value')
  return handleSubresource({
    ...call,
    info: { ...call.info, resource: 'pods', name, subresource: 'binding' },
    target: { ...call.target, row, name },
  })
}

async function answerComponentStatuses({ context, request, info, target: { row, name } }: Call): Promise<ApiResponse> {
  const statuses = await componentStatuses(context)
  const warnings = [DEPRECATION]
  if (info.verb === 'get') {
    const object = statuses.find(({ metadata }) => metadata.name === name)
    if (!object) throw notFound(row.resource, name)
    return { kind: 'object', code: 200, row, object, warnings }
  }
  const { matches } = parseListOptions(request, row)
  const items = statuses.filter(matches)
  const object: ApiObject = { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items }
  return { kind: 'object', code: 200, row, object, warnings }
}

interface Health {
  readonly status: 'True' | 'False' | 'Unknown'
  readonly message: string
}

async function componentStatuses(context: ApiContext): Promise<Stored<ApiObject>[]> {
  return [
    componentStatus('scheduler', leaderHealth(context, 'kube-scheduler')),
    componentStatus('controller-manager', leaderHealth(context, 'kube-controller-manager')),
    componentStatus('etcd-0', await storeHealth(context)),
  ]
}

function componentStatus(name: string, health: Health): Stored<ApiObject> {
  const conditions = [{ type: 'Healthy', ...health }]
  const object = { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name, creationTimestamp: null }, conditions }
  return object as unknown as Stored<ApiObject>
}

/**
 * A leader renews its Lease every few seconds. Its clock may differ from ours, so this can be wrong by as much: good enough for people,
 * not for a decision.
 */
function leaderHealth({ caches, clock }: ApiContext, component: string): Health {
  const path = `kube-system/${component}`
  const lease = caches.of(LEASES).cache.get(storageKey(LEASES, 'kube-system', component)) as Lease | undefined
  const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = lease?.spec ?? {}
  if (!renewTime) return { status: 'Unknown', message: `nobody has ever taken the lease ${path}` }
  const runsUntil = Date.parse(renewTime) + leaseDurationSeconds * 1000
  if (!holderIdentity) return { status: 'False', message: `nobody holds the lease ${path}` }
  if (runsUntil < clock.now()) return { status: 'False', message: `the lease ${path} was last renewed at ${renewTime}` }
  return { status: 'True', message: 'ok' }
}

async function storeHealth({ store, clock }: ApiContext): Promise<Health> {
  return (await storeAnswers(store, clock))
    ? { status: 'True', message: 'ok' }
    : { status: 'False', message: 'etcd does not answer' }
}
