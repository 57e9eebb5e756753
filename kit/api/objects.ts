/**
 * The shapes of API objects. Kinds come from `kubernetes-types` (JSON-shaped types with upstream's field descriptions);
 * this file adds what is true of every object that has been stored.
 */
import type { ObjectMeta as ApiObjectMeta, OwnerReference } from 'kubernetes-types/meta/v1.js'

export type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from 'kubernetes-types/admissionregistration/v1.js'
export type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1.js'
export type {
  ControllerRevision,
  DaemonSet,
  DaemonSetSpec,
  Deployment,
  DeploymentCondition,
  DeploymentSpec,
  DeploymentStatus,
  ReplicaSet,
  ReplicaSetSpec,
  ReplicaSetStatus,
  StatefulSet,
  StatefulSetSpec,
} from 'kubernetes-types/apps/v1.js'
export type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1 } from 'kubernetes-types/autoscaling/v1.js'
export type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from 'kubernetes-types/autoscaling/v2.js'
export type { CronJob, CronJobSpec, Job, JobSpec } from 'kubernetes-types/batch/v1.js'
export type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js'
export type { Lease, LeaseSpec } from 'kubernetes-types/coordination/v1.js'
export type {
  Affinity,
  Binding,
  ComponentStatus,
  ConfigMap,
  Container,
  ContainerState,
  ContainerStatus,
  EndpointSubset,
  Endpoints,
  EnvVar,
  Event as CoreEvent,
  LimitRange,
  Namespace,
  Node,
  NodeCondition,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  NodeSpec,
  NodeStatus,
  ObjectReference,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodCondition,
  PodSpec,
  PodStatus,
  PodTemplate,
  PodTemplateSpec,
  Probe,
  ReplicationController,
  ResourceQuota,
  ResourceRequirements,
  Secret,
  Service,
  ServiceAccount,
  ServicePort,
  ServiceSpec,
  Taint,
  Toleration,
  Volume,
  VolumeMount,
} from 'kubernetes-types/core/v1.js'
export type { Endpoint, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1.js'
export type { Event } from 'kubernetes-types/events/v1.js'
export type { FlowSchema, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1.js'
export type { Condition, LabelSelector, ObjectMeta, OwnerReference } from 'kubernetes-types/meta/v1.js'
export type { Ingress, IngressClass, NetworkPolicy } from 'kubernetes-types/networking/v1.js'
export type { RuntimeClass } from 'kubernetes-types/node/v1.js'
export type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js'
export type { PriorityClass } from 'kubernetes-types/scheduling/v1.js'
export type { CSIDriver, CSINode, StorageClass, VolumeAttachment } from 'kubernetes-types/storage/v1.js'

/** Any API object, before its kind is known. */
export interface ApiObject {
  apiVersion?: string
  kind?: string
  metadata?: ApiObjectMeta
  [field: string]: unknown
}

/** Metadata as the API server returns it: these fields are always there. */
export interface StoredMeta extends ApiObjectMeta {
  name: string
  uid: string
  resourceVersion: string
  creationTimestamp: string
}

/** An object that came from the API server. */
export type Stored<T> = Omit<T, 'metadata'> & { metadata: StoredMeta }

/** "namespace/name", or "name" for cluster-scoped objects. The key that work queues carry. */
export function objectKey(object: { metadata?: { namespace?: string; name?: string } }): string {
  const { namespace, name = '' } = object.metadata ?? {}
  return namespace ? `${namespace}/${name}` : name
}

/** The inverse of `objectKey`. */
export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/')
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** The owner with `controller: true`, if there is one. At most one may exist. */
export function controllerOf(object: { metadata?: ApiObjectMeta }): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((owner) => owner.controller)
}
