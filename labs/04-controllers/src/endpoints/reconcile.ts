/**
 * One look at a Service: what its EndpointSlices and its Endpoints object should say. Given; its parts are written in
 * step 4.7.
 *
 * Guarantee: a Service without selector (such as `kubernetes`, whose endpoints the API server writes) is left alone.
 * Source: kubernetes `pkg/controller/endpointslice/endpointslice_controller.go`,
 * `pkg/controller/endpoint/endpoints_controller.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { EndpointSlice, Endpoints, Pod, Service, Stored } from '#kit/api/objects.ts'
import type { Action, Decision } from '#kit/contracts/controllers.ts'
import { controllerReference } from '../claims.ts'
import { type PortGroup, packSlices, recycle } from './pack.ts'
import { endpointPorts, podEndpoint, selectedPods } from './pod-endpoint.ts'
import { endpointSubsets } from './subsets.ts'
import { withTriggerTime } from './trigger-times.ts'

export const SERVICE_NAME = 'kubernetes.io/service-name'
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
export const OUR_NAME = 'endpointslice-controller.k8s.io'
const HEADLESS = 'service.kubernetes.io/headless'

export interface EndpointSliceWorld {
  readonly service: Stored<Service>
  /** Of the Service's namespace. */
  readonly pods: readonly Stored<Pod>[]
  /** Of this Service and ours. */
  readonly slices: readonly Stored<EndpointSlice>[]
  /** When the earliest of the changes happened that made us look; undefined: not known. */
  readonly triggerTime?: string | undefined
}

export function reconcileEndpointSlices({ service, pods, slices, triggerTime }: EndpointSliceWorld): Decision {
  if (!selects(service)) return { actions: [] }
  const selected = selectedPods(service, pods)
  const labels = { ...serviceLabels(service), [SERVICE_NAME]: service.metadata.name, [MANAGED_BY]: OUR_NAME }
  const plan = recycle(packSlices(portGroups(service, selected), slices))
  const planned = new Set([...plan.update.map(({ slice }) => slice), ...plan.delete])
  const relabelled = slices.filter((slice) => !planned.has(slice) && !isDeepStrictEqual(slice.metadata.labels, labels))
  const { namespace, name } = service.metadata
  const fresh = {
    metadata: {
      generateName: `${name}-`,
      ...(namespace && { namespace }),
      ownerReferences: [controllerReference(service)],
    },
    addressType: 'IPv4',
  }
  const labelled = (slice: EndpointSlice) => withTriggerTime({ ...slice.metadata, labels }, triggerTime)
  const as = <T extends EndpointSlice>(slice: T, { ports, endpoints }: PortGroup) =>
    ({ ...slice, metadata: labelled(slice), ports, endpoints }) as unknown as T
  return {
    actions: [
      ...plan.create.map(
        (content): Action => ({
          do: 'create',
          resource: 'endpointSlices',
          object: as({ ...fresh, endpoints: [] }, content),
        }),
      ),
      ...plan.update.map(
        ({ slice, content }): Action => ({
          do: 'update',
          resource: 'endpointSlices',
          object: as(slice as EndpointSlice, content),
        }),
      ),
      ...relabelled.map(
        (slice): Action => ({
          do: 'update',
          resource: 'endpointSlices',
          object: { ...slice, metadata: labelled(slice as EndpointSlice) },
        }),
      ),
      ...plan.delete.map(
        ({ metadata }): Action => ({
          do: 'delete',
          resource: 'endpointSlices',
          namespace,
          name: metadata.name,
        }),
      ),
    ],
  }
}

export interface EndpointsWorld {
  readonly service: Stored<Service>
  readonly pods: readonly Stored<Pod>[]
  readonly endpoints: Stored<Endpoints> | undefined
  readonly triggerTime?: string | undefined
}

export function reconcileEndpoints({ service, pods, endpoints, triggerTime }: EndpointsWorld): Decision {
  if (!selects(service)) return { actions: [] }
  const subsets = endpointSubsets(service, selectedPods(service, pods))
  const { namespace, name } = service.metadata
  const labels = serviceLabels(service)
  if (endpoints && isDeepStrictEqual(endpoints.subsets ?? [], subsets)) {
    if (isDeepStrictEqual(endpoints.metadata.labels ?? {}, labels)) return { actions: [] }
  }
  const known = { ...endpoints?.metadata, name, ...(namespace && { namespace }), labels }
  const metadata = withTriggerTime(known, triggerTime)
  const object: Endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata, ...(subsets.length > 0 && { subsets }) }
  return { actions: [{ do: endpoints ? 'update' : 'create', resource: 'endpoints', object }] }
}

function selects({ spec, metadata }: Stored<Service>): boolean {
  const selector = spec?.selector ?? {}
  return Object.keys(selector).length > 0 && spec?.type !== 'ExternalName' && !metadata.deletionTimestamp
}

/** Pods by the set of ports on which they answer; one group without endpoints when there are no pods. */
function portGroups(service: Service, pods: readonly Stored<Pod>[]): PortGroup[] {
  const groups = new Map<string, { ports: PortGroup['ports']; endpoints: PortGroup['endpoints'][number][] }>()
  for (const pod of pods) {
    const ports = endpointPorts(service, pod)
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    groups.set(key, group)
    group.endpoints.push(podEndpoint(service, pod))
  }
  return groups.size > 0 ? [...groups.values()] : [{ ports: [], endpoints: [] }]
}

function serviceLabels(service: Stored<Service>): Record<string, string> {
  return { ...service.metadata.labels, ...(service.spec?.clusterIP === 'None' && { [HEADLESS]: '' }) }
}
