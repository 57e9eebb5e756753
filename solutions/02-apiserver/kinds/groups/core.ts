/** The core group: what needs no group's name. */
import { resources } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { validateNewPod } from '../../validation/ephemeral-containers.ts'
import { validateLimitRange } from '../../validation/limit-range.ts'
import { validatePod, validatePodUpdate } from '../../validation/pod.ts'
import { validateResourceQuota, validateResourceQuotaUpdate } from '../../validation/quota.ts'
import { validateService, validateServiceUpdate } from '../../validation/service.ts'
import {
  applyConfigMapDefaults,
  applySecretDefaults,
  prepareSecretForUpdate,
  validateConfigMap,
  validateConfigMapUpdate,
  validateSecret,
  validateSecretUpdate,
} from '../config.ts'
import { applyEndpointsDefaults } from '../endpoints.ts'
import { applyEventDefaults, coreEventFields } from '../event.ts'
import { validateCoreEvent } from '../event-validation.ts'
import { applyLimitRangeDefaults, applyResourceQuotaDefaults } from '../limits.ts'
import {
  applyNamespaceDefaults,
  markNamespaceTerminating,
  namespaceFinalizers,
  prepareNamespace,
} from '../namespace.ts'
import { applyNodeDefaults, nodeFields, validateNode } from '../node.ts'
import { podFields, preparePodForCreate, preparePodForUpdate } from '../pod.ts'
import { applyPodDefaults } from '../pod-defaults.ts'
import { applyPodTemplateDefaults } from '../pod-template.ts'
import { applyReplicationControllerDefaults, replicaSetFields, validateReplicationController } from '../replica-set.ts'
import { ALL_VERBS, keepStatus, other, own, plainRow, proxy, rowWithStatus, scale, textOf } from '../row-parts.ts'
import { prepareServiceForUpdate, serviceFields } from '../service.ts'
import { applyServiceDefaults } from '../service-defaults.ts'
import {
  applyClaimDefaults,
  applyVolumeDefaults,
  prepareVolume,
  validateClaim,
  validateClaimUpdate,
  validateVolume,
} from '../volumes.ts'

export const coreRows: readonly KindRow[] = [
  {
    resource: resources.configMaps,
    verbs: ALL_VERBS,
    subresources: [],
    storagePrefix: 'configmaps',
    applyDefaults: applyConfigMapDefaults,
    validate: validateConfigMap,
    validateUpdate: validateConfigMapUpdate,
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
    validate: validateCoreEvent,
    defaultPropagation: 'Unsupported',
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
    subresources: [proxy('NodeProxyOptions'), own(resources.nodes, 'status')],
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
      own(resources.pods, 'ephemeralcontainers'),
      other('eviction', ['create'], 'policy', 'v1', 'Eviction'),
      other('exec', ['create', 'get'], '', 'v1', 'PodExecOptions'),
      own(resources.pods, 'log', ['get']),
      other('portforward', ['create', 'get'], '', 'v1', 'PodPortForwardOptions'),
      proxy('PodProxyOptions'),
      own(resources.pods, 'resize'),
      own(resources.pods, 'status'),
    ],
    storagePrefix: 'pods',
    applyDefaults: applyPodDefaults,
    prepareForCreate: preparePodForCreate,
    prepareForUpdate: preparePodForUpdate,
    validateCreate: validateNewPod,
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
    validateUpdate: validateSecretUpdate,
    selectableFields: (object) => ({ type: typeof object.type === 'string' ? object.type : '' }),
  },
  {
    resource: resources.serviceAccounts,
    verbs: ALL_VERBS,
    subresources: [other('token', ['create'], 'authentication.k8s.io', 'v1', 'TokenRequest')],
    storagePrefix: 'serviceaccounts',
    returnsDeletedObject: true,
  },
  {
    resource: resources.services,
    verbs: ALL_VERBS,
    subresources: [proxy('ServiceProxyOptions'), own(resources.services, 'status')],
    storagePrefix: 'services/specs',
    applyDefaults: applyServiceDefaults,
    chosenByServer: { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
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
  plainRow(resources.limitRanges, { applyDefaults: applyLimitRangeDefaults, validate: validateLimitRange }),
  rowWithStatus(
    resources.persistentVolumes,
    {},
    {
      prepareForCreate: prepareVolume,
      applyDefaults: applyVolumeDefaults,
      validate: validateVolume,
      returnsDeletedObject: true,
    },
  ),
  rowWithStatus(
    resources.persistentVolumeClaims,
    { phase: 'Pending' },
    {
      applyDefaults: applyClaimDefaults,
      validate: validateClaim,
      validateUpdate: validateClaimUpdate,
      returnsDeletedObject: true,
    },
  ),
  plainRow(resources.podTemplates, {
    applyDefaults: applyPodTemplateDefaults,
    hasGeneration: true,
    returnsDeletedObject: true,
  }),
  rowWithStatus(
    resources.resourceQuotas,
    {},
    {
      applyDefaults: applyResourceQuotaDefaults,
      validate: validateResourceQuota,
      validateUpdate: validateResourceQuotaUpdate,
      returnsDeletedObject: true,
    },
  ),
]
