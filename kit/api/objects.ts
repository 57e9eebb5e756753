/**
 * The shapes of API objects. Kinds come from `kubernetes-types` (JSON-shaped types with upstream's field descriptions);
 * this file adds what is true of every object that has been stored.
 */
import type { ObjectMeta as ApiObjectMeta, OwnerReference } from 'kubernetes-types/meta/v1.js'

export type {
  Deployment,
  DeploymentCondition,
  DeploymentSpec,
  DeploymentStatus,
  ReplicaSet,
  ReplicaSetSpec,
  ReplicaSetStatus,
} from 'kubernetes-types/apps/v1.js'
export type { Lease, LeaseSpec } from 'kubernetes-types/coordination/v1.js'
export type {
  Affinity,
  Binding,
  ConfigMap,
  Container,
  ContainerState,
  ContainerStatus,
  EndpointSubset,
  Endpoints,
  EnvVar,
  Event as CoreEvent,
  Namespace,
  Node,
  NodeCondition,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  NodeSpec,
  NodeStatus,
  ObjectReference,
  Pod,
  PodCondition,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
  ReplicationController,
  ResourceRequirements,
  Secret,
  Service,
  ServiceAccount,
  ServicePort,
  ServiceSpec,
  Taint,
  Toleration,
} from 'kubernetes-types/core/v1.js'
export type { Endpoint, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1.js'
export type { Event } from 'kubernetes-types/events/v1.js'
export type { Condition, LabelSelector, ObjectMeta, OwnerReference } from 'kubernetes-types/meta/v1.js'

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
