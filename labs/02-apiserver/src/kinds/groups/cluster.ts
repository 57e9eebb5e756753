/** What nodes and pods are told by the cluster: storage, priorities, runtimes, leases, events, flow control. */
import { resources } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { applyEventDefaults, eventFields, eventFromStorage, eventToStorage } from '../event.ts'
import { validateEvent, validateEventUpdate } from '../event-validation.ts'
import { applyFlowSchemaDefaults, applyPriorityLevelDefaults } from '../flow-control.ts'
import { validateLease } from '../lease.ts'
import { applyPriorityClassDefaults, validatePriorityClass, validatePriorityClassUpdate } from '../priority-class.ts'
import { plainRow, rowWithStatus } from '../row-parts.ts'
import {
  applyCsiDriverDefaults,
  applyStorageClassDefaults,
  validateStorageClass,
  validateStorageClassUpdate,
  validateVolumeAttachmentUpdate,
} from '../storage.ts'

export const eventRows: readonly KindRow[] = [
  plainRow(resources.events, {
    ttlSeconds: 3600,
    conversion: { toStorage: eventToStorage, fromStorage: eventFromStorage },
    applyDefaults: applyEventDefaults,
    validate: validateEvent,
    validateUpdate: validateEventUpdate,
    selectableFields: eventFields,
    defaultPropagation: 'Unsupported',
    allowCreateOnUpdate: true,
  }),
]

export const storageRows: readonly KindRow[] = [
  plainRow(resources.csiDrivers, { applyDefaults: applyCsiDriverDefaults, returnsDeletedObject: true }),
  plainRow(resources.csiNodes, { returnsDeletedObject: true }),
  plainRow(resources.csiStorageCapacities, { returnsDeletedObject: true }),
  plainRow(resources.storageClasses, {
    applyDefaults: applyStorageClassDefaults,
    validate: validateStorageClass,
    validateUpdate: validateStorageClassUpdate,
    returnsDeletedObject: true,
  }),
  rowWithStatus(
    resources.volumeAttachments,
    { attached: false },
    {
      validateUpdate: validateVolumeAttachmentUpdate,
      returnsDeletedObject: true,
    },
  ),
]

export const schedulingRows: readonly KindRow[] = [
  plainRow(resources.priorityClasses, {
    applyDefaults: applyPriorityClassDefaults,
    validate: validatePriorityClass,
    validateUpdate: validatePriorityClassUpdate,
    hasGeneration: true,
  }),
]

export const coordinationRows: readonly KindRow[] = [
  plainRow(resources.leases, {
    validate: validateLease,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
  }),
]

export const nodeRows: readonly KindRow[] = [plainRow(resources.runtimeClasses)]

export const flowControlRows: readonly KindRow[] = [
  rowWithStatus(
    resources.flowSchemas,
    {},
    {
      nameFormat: 'path-segment',
      applyDefaults: applyFlowSchemaDefaults,
      hasGeneration: true,
    },
  ),
  rowWithStatus(
    resources.priorityLevelConfigurations,
    {},
    {
      nameFormat: 'path-segment',
      applyDefaults: applyPriorityLevelDefaults,
      hasGeneration: true,
    },
  ),
]
