/**
 * Quality of service: who is killed first when the node runs out of memory. It follows from requests and limits alone.
 *
 * Source: kubernetes `pkg/apis/core/v1/helper/qos/qos.go`.
 */
import type { Container, Pod } from '#kit/api/objects.ts'
import { canonicalQuantity, quantityValue } from '#kit/api/quantity.ts'

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

const RESOURCES = ['cpu', 'memory'] as const

/**
 * `BestEffort`: no container, init containers included, requests or limits any cpu or memory. `Guaranteed`: every container
 * limits both, and requests exactly that (a request that is absent defaults to the limit). `Burstable`: everything between.
 * A quantity of zero counts as absent; "1" and "1000m" are the same.
 *
 * @lab 5.6 Classify by requests and limits
 */
export function qosClass(pod: Pod): QosClass {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  const amounts = containers.flatMap((container) =>
    RESOURCES.map((resource) => ({
      limit: amount(container, 'limits', resource),
      request: amount(container, 'requests', resource) ?? amount(container, 'limits', resource),
    })),
  )
  if (amounts.every(({ limit, request }) => limit === undefined && request === undefined)) return 'BestEffort'
  const guaranteed = amounts.every(({ limit, request }) => limit !== undefined && limit === request)
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

/** In canonical form, so that equal quantities are equal strings; undefined when absent or zero. */
function amount(container: Container, kind: 'limits' | 'requests', resource: string): string | undefined {
  const quantity = container.resources?.[kind]?.[resource]
  return quantity === undefined || quantityValue(quantity) === 0 ? undefined : canonicalQuantity(quantity)
}
