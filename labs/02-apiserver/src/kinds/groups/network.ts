/** How pods are reached: networking, discovery. */
import { resources } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { applyEndpointSliceDefaults, validateEndpointSlice } from '../endpoints.ts'
import {
  applyIngressClassDefaults,
  applyNetworkPolicyDefaults,
  validateIngress,
  validateIngressClass,
} from '../network.ts'
import { plainRow, rowWithStatus } from '../row-parts.ts'

export const networkingRows: readonly KindRow[] = [
  plainRow(resources.ingressClasses, {
    applyDefaults: applyIngressClassDefaults,
    validate: validateIngressClass,
    hasGeneration: true,
  }),
  rowWithStatus(
    resources.ingresses,
    { loadBalancer: {} },
    {
      // As it was called when Ingresses were born, in a group that is no more.
      storagePrefix: 'ingress',
      validate: validateIngress,
      hasGeneration: true,
    },
  ),
  plainRow(resources.networkPolicies, { applyDefaults: applyNetworkPolicyDefaults, hasGeneration: true }),
]

export const discoveryRows: readonly KindRow[] = [
  plainRow(resources.endpointSlices, {
    applyDefaults: applyEndpointSliceDefaults,
    validate: validateEndpointSlice,
    hasGeneration: true,
  }),
]
