/**
 * The table of all kinds. Handlers, discovery and storage know no kind by name; whatever is particular about one
 * stands in its row. A new kind is a new row.
 *
 * Order is discovery's. Source: kubernetes `pkg/registry` (a strategy and a storage per kind).
 */
import type { ApiObject } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { KindRow, SubresourceRow, Verb } from '#kit/contracts/apiserver.ts'
import { validatePod, validatePodUpdate } from '../validation/pod.ts'
import { validateService, validateServiceUpdate } from '../validation/service.ts'
import { applyConfigMapDefaults, applySecretDefaults, prepareSecretForUpdate, validateSecret } from './config.ts'
import { applyDeploymentDefaults, validateDeployment, validateDeploymentUpdate } from './deployment.ts'
import { applyEndpointSliceDefaults, applyEndpointsDefaults, validateEndpointSlice } from './endpoints.ts'
import { applyEventDefaults, coreEventFields, eventFields, eventFromStorage, eventToStorage } from './event.ts'
import { validateLease } from './lease.ts'
import { applyNamespaceDefaults, markNamespaceTerminating, namespaceFinalizers, prepareNamespace } from './namespace.ts'
import { applyNodeDefaults, nodeFields, validateNode } from './node.ts'
import { podFields, preparePodForCreate, preparePodForUpdate } from './pod.ts'
import { applyPodDefaults } from './pod-defaults.ts'
import { rbacRows } from './rbac.ts'
import {
  applyReplicaSetDefaults,
  applyReplicationControllerDefaults,
  replicaSetFields,
  validateReplicaSet,
  validateReplicaSetUpdate,
  validateReplicationController,
} from './replica-set.ts'
import { authenticationRows, authorizationRows } from './reviews.ts'
import { prepareServiceForUpdate, serviceFields } from './service.ts'
import { applyServiceDefaults } from './service-defaults.ts'

const ALL_VERBS: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** A subresource that carries its parent's kind: status, finalize. */
function own(resource: KindRow['resource'], name: string, verbs: readonly Verb[] = ['get', 'patch', 'update']) {
  const { group, version, kind } = resource
  return { name, verbs, kind: { group, version, kind } } satisfies SubresourceRow
}

function other(name: string, verbs: readonly Verb[], group: string, version: string, kind: string): SubresourceRow {
  return { name, verbs, kind: { group, version, kind } }
}

const scale = other('scale', ['get', 'patch', 'update'], 'autoscaling', 'v1', 'Scale')

/** Before a creation most kinds lose their status: it is the controllers' to write. */
function dropStatus(draft: ApiObject): void {
  draft.status = {}
}

/** An update of the main resource leaves the status alone. */
function keepStatus(draft: ApiObject, old: ApiObject): void {
  if (old.status === undefined) delete draft.status
  else draft.status = old.status
}

export const kindRows: readonly KindRow[] = [
  {
    resource: resources.configMaps,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'configmaps',
    applyDefaults: applyConfigMapDefaults,
  },
  {
    resource: resources.endpoints,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'services/endpoints',
    applyDefaults: applyEndpointsDefaults,
    allowCreateOnUpdate: true,
  },
  {
    resource: resources.coreEvents,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'events',
    ttlSeconds: 3600,
    applyDefaults: applyEventDefaults,
    selectableFields: coreEventFields,
    allowCreateOnUpdate: true,
  },
  {
    resource: resources.namespaces,
    verbs: ALL_VERBS.filter((verb) => verb !== 'deletecollection'),
    subresources: [own(resources.namespaces, 'finalize', ['update']), own(resources.namespaces, 'status')],
    storagePrefix: 'namespaces',
    applyDefaults: applyNamespaceDefaults,
    prepareForCreate: prepareNamespace,
    prepareForUpdate(draft, old) {
      keepStatus(draft, old)
      draft.spec = old.spec
    },
    nameFormat: 'dns-label',
    selectableFields: (object) => ({ 'status.phase': textOf(object, 'status', 'phase') }),
    otherFinalizers: namespaceFinalizers,
    markDeleting: markNamespaceTerminating,
    returnsDeletedObject: true,
  },
  {
    resource: resources.nodes,
    verbs: ALL_VERBS,
    subresources: [own(resources.nodes, 'status')],
    storagePrefix: 'minions',
    applyDefaults: applyNodeDefaults,
    prepareForUpdate: keepStatus,
    validate: validateNode,
    selectableFields: nodeFields,
  },
  {
    resource: resources.pods,
    verbs: ALL_VERBS,
    subresources: [
      other('attach', ['create', 'get'], '', 'v1', 'PodAttachOptions'),
      other('binding', ['create'], '', 'v1', 'Binding'),
      other('eviction', ['create'], 'policy', 'v1', 'Eviction'),
      other('exec', ['create', 'get'], '', 'v1', 'PodExecOptions'),
      own(resources.pods, 'log', ['get']),
      other('portforward', ['create', 'get'], '', 'v1', 'PodPortForwardOptions'),
      own(resources.pods, 'status'),
    ],
    storagePrefix: 'pods',
    applyDefaults: applyPodDefaults,
    prepareForCreate: preparePodForCreate,
    prepareForUpdate: preparePodForUpdate,
    validate: validatePod,
    validateUpdate: validatePodUpdate,
    selectableFields: podFields,
    gracefulDeletion: true,
    returnsDeletedObject: true,
  },
  {
    resource: resources.replicationControllers,
    verbs: ALL_VERBS,
    subresources: [scale, own(resources.replicationControllers, 'status')],
    storagePrefix: 'controllers',
    applyDefaults: applyReplicationControllerDefaults,
    prepareForCreate(draft) {
      draft.status = { replicas: 0 }
    },
    prepareForUpdate: keepStatus,
    validate: validateReplicationController,
    selectableFields: replicaSetFields,
    hasGeneration: true,
    defaultPropagation: 'Orphan',
  },
  {
    resource: resources.secrets,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'secrets',
    applyDefaults: applySecretDefaults,
    prepareForUpdate: prepareSecretForUpdate,
    validate: validateSecret,
    selectableFields: (object) => ({ type: typeof object.type === 'string' ? object.type : '' }),
  },
  {
    resource: resources.serviceAccounts,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'serviceaccounts',
    returnsDeletedObject: true,
  },
  {
    resource: resources.services,
    verbs: ALL_VERBS,
    subresources: [own(resources.services, 'status')],
    storagePrefix: 'services/specs',
    applyDefaults: applyServiceDefaults,
    prepareForCreate(draft) {
      draft.status = { loadBalancer: {} }
    },
    prepareForUpdate: prepareServiceForUpdate,
    validate: validateService,
    validateUpdate: validateServiceUpdate,
    nameFormat: 'dns-1035-label',
    selectableFields: serviceFields,
    returnsDeletedObject: true,
  },
  {
    resource: resources.events,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'events',
    ttlSeconds: 3600,
    conversion: { toStorage: eventToStorage, fromStorage: eventFromStorage },
    selectableFields: eventFields,
    allowCreateOnUpdate: true,
  },
  ...authenticationRows,
  ...authorizationRows,
  {
    resource: resources.deployments,
    verbs: ALL_VERBS,
    subresources: [scale, own(resources.deployments, 'status')],
    storagePrefix: 'deployments',
    applyDefaults: applyDeploymentDefaults,
    prepareForCreate: dropStatus,
    prepareForUpdate: keepStatus,
    validate: validateDeployment,
    validateUpdate: validateDeploymentUpdate,
    hasGeneration: true,
  },
  {
    resource: resources.replicaSets,
    verbs: ALL_VERBS,
    subresources: [scale, own(resources.replicaSets, 'status')],
    storagePrefix: 'replicasets',
    applyDefaults: applyReplicaSetDefaults,
    prepareForCreate(draft) {
      draft.status = { replicas: 0 }
    },
    prepareForUpdate: keepStatus,
    validate: validateReplicaSet,
    validateUpdate: validateReplicaSetUpdate,
    selectableFields: replicaSetFields,
    hasGeneration: true,
  },
  {
    resource: resources.leases,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'leases',
    validate: validateLease,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
  },
  {
    resource: resources.endpointSlices,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'endpointslices',
    applyDefaults: applyEndpointSliceDefaults,
    validate: validateEndpointSlice,
    hasGeneration: true,
  },
  ...rbacRows,
]

/** The text of a field, or "": `textOf(object, 'status', 'phase')`. */
function textOf(object: ApiObject, ...path: string[]): string {
  const value = path.reduce<unknown>((at, field) => (at as Record<string, unknown> | undefined)?.[field], object)
  return typeof value === 'string' ? value : ''
}
