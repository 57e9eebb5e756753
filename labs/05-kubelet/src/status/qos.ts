/**
 * Quality of service: who is killed first when the node runs out of memory. It follows from requests and limits alone.
 *
 * Source: kubernetes `pkg/apis/core/v1/helper/qos/qos.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
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
  throw new NotImplemented('5.6', 'qosClass', 'Classify by requests and limits', 'labs/05-kubelet/src/status/qos.ts')
}

/** In canonical form, so that equal quantities are equal strings; undefined when absent or zero. */
function amount(container: Container, kind: 'limits' | 'requests', resource: string): string | undefined {
  const quantity = container.resources?.[kind]?.[resource]
  return quantity === undefined || quantityValue(quantity) === 0 ? undefined : canonicalQuantity(quantity)
}
