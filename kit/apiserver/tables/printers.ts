/**
 * Which printer prints which kind: the one place that knows them all.
 */
import type { Printer } from './columns.ts'
import { coreEventPrinter, eventPrinter } from './events.ts'
import { nodePrinter } from './nodes.ts'
import { podPrinter } from './pods.ts'
import { bindingPrinter } from './role-bindings.ts'
import { endpointSlicePrinter, endpointsPrinter, servicePrinter } from './services.ts'
import {
  configMapPrinter,
  leasePrinter,
  namespacePrinter,
  plainPrinter,
  secretPrinter,
  serviceAccountPrinter,
} from './small-kinds.ts'
import { deploymentPrinter, replicaSetPrinter, replicationControllerPrinter } from './workloads.ts'

const printers: Readonly<Record<string, Printer<never>>> = {
  'v1/ConfigMap': configMapPrinter,
  'v1/Endpoints': endpointsPrinter,
  'v1/Event': coreEventPrinter,
  'v1/Namespace': namespacePrinter,
  'v1/Node': nodePrinter,
  'v1/Pod': podPrinter,
  'v1/ReplicationController': replicationControllerPrinter,
  'v1/Secret': secretPrinter,
  'v1/Service': servicePrinter,
  'v1/ServiceAccount': serviceAccountPrinter,
  'apps/v1/Deployment': deploymentPrinter,
  'apps/v1/ReplicaSet': replicaSetPrinter,
  'coordination.k8s.io/v1/Lease': leasePrinter,
  'discovery.k8s.io/v1/EndpointSlice': endpointSlicePrinter,
  'events.k8s.io/v1/Event': eventPrinter,
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': bindingPrinter,
  'rbac.authorization.k8s.io/v1/RoleBinding': bindingPrinter,
}

/** @param apiVersion "v1", "apps/v1" */
export function printerFor(apiVersion: string, kind: string): Printer<object> {
  // The key says what T is, which the type system cannot follow.
  return (printers[`${apiVersion}/${kind}`] ?? plainPrinter) as Printer<object>
}
