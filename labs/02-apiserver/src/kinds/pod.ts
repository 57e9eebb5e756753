/**
 * What is particular about pods besides defaults and validation: their quality of service, and what can be selected.
 *
 * Source: kubernetes `pkg/registry/core/pod/strategy.go`, `pkg/apis/core/v1/helper/qos`.
 */
import type { ApiObject, Pod, PodSpec } from '#kit/api/objects.ts'
import { parseQuantity } from '#kit/api/quantity.ts'
import { allContainers } from './pod-defaults.ts'

/** A new pod is Pending, whatever its creator says, and it knows its quality-of-service class from the start. */
export function preparePodForCreate(draft: ApiObject): void {
  const spec = (draft as Pod).spec
  draft.status = { phase: 'Pending', ...(spec && { qosClass: qosClass(spec) }) }
}

export function preparePodForUpdate(draft: ApiObject, old: ApiObject): void {
  draft.status = old.status
}

/**
 * Guaranteed: every container limits cpu and memory, and requests as much. BestEffort: nobody asks for anything.
 * Burstable: the rest.
 */
export function qosClass(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = allContainers({ ...spec, ephemeralContainers: [] })
  const asksForSomething = containers.some(({ resources }) =>
    [resources?.requests, resources?.limits].some((amounts) =>
      ['cpu', 'memory'].some((name) => isPositive(amounts?.[name])),
    ),
  )
  if (!asksForSomething) return 'BestEffort'
  const guaranteed = containers.every(({ resources }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = resources?.limits?.[name]
      const request = resources?.requests?.[name] ?? limit
      return isPositive(limit) && nanos(request) === nanos(limit)
    }),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

function nanos(text: string | undefined): bigint | undefined {
  try {
    return text === undefined ? undefined : parseQuantity(text).nanos
  } catch {
    return undefined
  }
}

function isPositive(text: string | undefined): boolean {
  return (nanos(text) ?? 0n) > 0n
}

export function podFields(object: ApiObject): Record<string, string> {
  const { spec, status } = object as Pod
  return {
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec?.hostNetwork ?? false),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIP ?? '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  }
}
