/**
 * What makes a Service wrong. Source: kubernetes `pkg/apis/core/validation/validation.go` (ValidateService,
 * ValidateServiceUpdate).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'

/**
 * Everything wrong with a Service:
 * - `spec.ports` is required, unless it is headless (cluster IP "None") or an ExternalName;
 * - with more than one port, each needs a name (a DNS label), and no two the same;
 * - `port`, `targetPort` (when it is a number) and, where given, `nodePort` are from 1 to 65535; `protocol` is SCTP, TCP or
 *   UDP; no two ports are alike in number and protocol (`spec.ports[1]`: "Duplicate value");
 * - `spec.type` and `spec.sessionAffinity` are known ones.
 *
 * Order per port: name, port, protocol, targetPort, nodePort.
 *
 * @lab 2.5 Validate a Service
 */
export function validateService(object: ApiObject): readonly FieldError[] {
  throw new NotImplemented(
    '2.5',
    'validateService',
    'Validate a Service',
    'labs/02-apiserver/src/validation/service.ts',
  )
}

/**
 * A cluster IP is for life: `spec.clusterIPs[0]`, invalid, showing the new list: "may not change once set". Not for
 * Services that are or were of type ExternalName, which have none.
 *
 * @lab 2.5 Keep a Service's address
 */
export function validateServiceUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  throw new NotImplemented(
    '2.5',
    'validateServiceUpdate',
    "Keep a Service's address",
    'labs/02-apiserver/src/validation/service.ts',
  )
}
