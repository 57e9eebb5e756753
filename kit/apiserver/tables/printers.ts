/**
 * Which printer prints which kind: the one place that knows them all.
 */
import { autoscalerPrinter, autoscalerV1Printer } from './autoscalers.ts'
import {
  admissionPolicyPrinter,
  apiServicePrinter,
  flowSchemaPrinter,
  policyBindingPrinter,
  priorityClassPrinter,
  priorityLevelPrinter,
  resourceQuotaPrinter,
  runtimeClassPrinter,
  webhookPrinter,
} from './cluster.ts'
import type { Printer } from './columns.ts'
import { coreEventPrinter, eventPrinter } from './events.ts'
import { cronJobPrinter, jobPrinter } from './jobs.ts'
import { metricsPrinter } from './metrics.ts'
import { ingressClassPrinter, ingressPrinter, networkPolicyPrinter } from './network.ts'
import { nodePrinter } from './nodes.ts'
import {
  controllerRevisionPrinter,
  daemonSetPrinter,
  disruptionBudgetPrinter,
  podTemplatePrinter,
  statefulSetPrinter,
} from './pod-sets.ts'
import { podPrinter } from './pods.ts'
import { bindingPrinter } from './role-bindings.ts'
import { endpointSlicePrinter, endpointsPrinter, servicePrinter } from './services.ts'
import { signingRequestPrinter } from './signing-requests.ts'
import {
  componentStatusPrinter,
  configMapPrinter,
  leasePrinter,
  namespacePrinter,
  plainPrinter,
  scalePrinter,
  secretPrinter,
  serviceAccountPrinter,
} from './small-kinds.ts'
import {
  csiDriverPrinter,
  csiNodePrinter,
  persistentVolumeClaimPrinter,
  persistentVolumePrinter,
  storageClassPrinter,
  volumeAttachmentPrinter,
} from './volumes.ts'
import { deploymentPrinter, replicaSetPrinter, replicationControllerPrinter } from './workloads.ts'

const printers: Readonly<Record<string, Printer<never>>> = {
  'v1/ComponentStatus': componentStatusPrinter,
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
  'v1/PersistentVolume': persistentVolumePrinter,
  'v1/PersistentVolumeClaim': persistentVolumeClaimPrinter,
  'v1/PodTemplate': podTemplatePrinter,
  'v1/ResourceQuota': resourceQuotaPrinter,
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': webhookPrinter,
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy': admissionPolicyPrinter,
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding': policyBindingPrinter,
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': webhookPrinter,
  'apiregistration.k8s.io/v1/APIService': apiServicePrinter,
  'apps/v1/ControllerRevision': controllerRevisionPrinter,
  'apps/v1/DaemonSet': daemonSetPrinter,
  'apps/v1/StatefulSet': statefulSetPrinter,
  'autoscaling/v1/HorizontalPodAutoscaler': autoscalerV1Printer,
  'autoscaling/v1/Scale': scalePrinter,
  'autoscaling/v2/HorizontalPodAutoscaler': autoscalerPrinter,
  'batch/v1/CronJob': cronJobPrinter,
  'batch/v1/Job': jobPrinter,
  'certificates.k8s.io/v1/CertificateSigningRequest': signingRequestPrinter,
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': flowSchemaPrinter,
  'flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration': priorityLevelPrinter,
  'metrics.k8s.io/v1beta1/NodeMetrics': metricsPrinter,
  'metrics.k8s.io/v1beta1/PodMetrics': metricsPrinter,
  'networking.k8s.io/v1/Ingress': ingressPrinter,
  'networking.k8s.io/v1/IngressClass': ingressClassPrinter,
  'networking.k8s.io/v1/NetworkPolicy': networkPolicyPrinter,
  'node.k8s.io/v1/RuntimeClass': runtimeClassPrinter,
  'policy/v1/PodDisruptionBudget': disruptionBudgetPrinter,
  'scheduling.k8s.io/v1/PriorityClass': priorityClassPrinter,
  'storage.k8s.io/v1/CSIDriver': csiDriverPrinter,
  'storage.k8s.io/v1/CSINode': csiNodePrinter,
  'storage.k8s.io/v1/StorageClass': storageClassPrinter,
  'storage.k8s.io/v1/VolumeAttachment': volumeAttachmentPrinter,
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': bindingPrinter,
  'rbac.authorization.k8s.io/v1/RoleBinding': bindingPrinter,
}

/** @param apiVersion "v1", "apps/v1" */
export function printerFor(apiVersion: string, kind: string): Printer<object> {
  // The key says what T is, which the type system cannot follow.
  return (printers[`${apiVersion}/${kind}`] ?? plainPrinter) as Printer<object>
}
