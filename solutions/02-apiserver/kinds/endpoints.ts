/** Endpoints and EndpointSlices. Source: kubernetes `pkg/apis/core/v1/defaults.go`, `pkg/apis/discovery/v1/defaults.go`. */
import type { ApiObject, EndpointSlice, Endpoints } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { notSupported, required } from '../validation/field-errors.ts'

export function applyEndpointsDefaults(draft: ApiObject): void {
  for (const subset of (draft as Endpoints).subsets ?? []) {
    for (const port of subset.ports ?? []) port.protocol ??= 'TCP'
  }
}

/** Lists that are not there are answered as null: upstream's clients expect the field. */
export function applyEndpointSliceDefaults(draft: ApiObject): void {
  const { endpoints, ports } = draft as Partial<EndpointSlice>
  for (const port of ports ?? []) {
    port.name ??= ''
    port.protocol ??= 'TCP'
  }
  draft.endpoints = endpoints ?? null
  draft.ports = ports ?? null
}

export function validateEndpointSlice(object: ApiObject): readonly FieldError[] {
  const { addressType, endpoints } = object as Partial<EndpointSlice>
  const types = ['FQDN', 'IPv4', 'IPv6']
  return [
    ...(addressType ? [] : [required('addressType')]),
    ...(addressType && !types.includes(addressType) ? [notSupported('addressType', addressType, types)] : []),
    ...(endpoints ?? []).flatMap(({ addresses }, i) =>
      addresses?.length ? [] : [required(`endpoints[${i}].addresses`, 'must contain at least 1 address')],
    ),
  ]
}
