/** What keeps pods running: apps, batch, autoscaling, policy. */
import { resources } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import {
  applyAutoscalerDefaults,
  autoscalerFromStorage,
  autoscalerToStorage,
  validateAutoscaler,
} from '../autoscaler.ts'
import {
  applyDaemonSetDefaults,
  prepareDaemonSetForCreate,
  prepareDaemonSetForUpdate,
  validateDaemonSet,
  validateDaemonSetUpdate,
} from '../daemon-set.ts'
import { applyDeploymentDefaults, validateDeployment, validateDeploymentUpdate } from '../deployment.ts'
import { validateDisruptionBudget } from '../disruption-budget.ts'
import {
  applyCronJobDefaults,
  applyJobDefaults,
  prepareJobForCreate,
  validateCronJob,
  validateJob,
  validateJobUpdate,
} from '../job.ts'
import {
  applyReplicaSetDefaults,
  replicaSetFields,
  validateReplicaSet,
  validateReplicaSetUpdate,
} from '../replica-set.ts'
import { own, plainRow, rowWithStatus, scale } from '../row-parts.ts'
import { applyStatefulSetDefaults, validateStatefulSet, validateStatefulSetUpdate } from '../stateful-set.ts'

export const appsRows: readonly KindRow[] = [
  plainRow(resources.controllerRevisions),
  rowWithStatus(
    resources.daemonSets,
    {},
    {
      applyDefaults: applyDaemonSetDefaults,
      prepareForCreate: prepareDaemonSetForCreate,
      prepareForUpdate: prepareDaemonSetForUpdate,
      validate: validateDaemonSet,
      validateUpdate: validateDaemonSetUpdate,
      hasGeneration: true,
    },
  ),
  rowWithStatus(
    resources.deployments,
    {},
    {
      subresources: [scale, own(resources.deployments, 'status')],
      applyDefaults: applyDeploymentDefaults,
      validate: validateDeployment,
      validateUpdate: validateDeploymentUpdate,
      hasGeneration: true,
      annotationsRaiseGeneration: true,
    },
  ),
  rowWithStatus(
    resources.replicaSets,
    { replicas: 0 },
    {
      subresources: [scale, own(resources.replicaSets, 'status')],
      applyDefaults: applyReplicaSetDefaults,
      validate: validateReplicaSet,
      validateUpdate: validateReplicaSetUpdate,
      selectableFields: replicaSetFields,
      hasGeneration: true,
    },
  ),
  rowWithStatus(
    resources.statefulSets,
    { replicas: 0, availableReplicas: 0 },
    {
      subresources: [scale, own(resources.statefulSets, 'status')],
      applyDefaults: applyStatefulSetDefaults,
      validate: validateStatefulSet,
      validateUpdate: validateStatefulSetUpdate,
      hasGeneration: true,
    },
  ),
]

export const batchRows: readonly KindRow[] = [
  rowWithStatus(
    resources.cronJobs,
    {},
    {
      applyDefaults: applyCronJobDefaults,
      validate: validateCronJob,
      hasGeneration: true,
    },
  ),
  rowWithStatus(
    resources.jobs,
    {},
    {
      applyDefaults: applyJobDefaults,
      prepareForCreate: prepareJobForCreate,
      validate: validateJob,
      validateUpdate: validateJobUpdate,
      selectableFields: (object) => ({
        'status.successful': String((object.status as { succeeded?: number } | undefined)?.succeeded ?? 0),
      }),
      hasGeneration: true,
      defaultPropagation: 'Orphan',
    },
  ),
]

const autoscalerRow = rowWithStatus(
  resources.horizontalPodAutoscalers,
  { desiredReplicas: 0, currentMetrics: null },
  {
    applyDefaults: applyAutoscalerDefaults,
    validate: validateAutoscaler,
  },
)

/** The version that is stored comes first: clients prefer it. */
export const autoscalingRows: readonly KindRow[] = [
  autoscalerRow,
  {
    ...autoscalerRow,
    resource: { ...resources.horizontalPodAutoscalers, version: 'v1' },
    subresources: [own({ ...resources.horizontalPodAutoscalers, version: 'v1' }, 'status')],
    conversion: { toStorage: autoscalerToStorage, fromStorage: autoscalerFromStorage },
  },
]

export const policyRows: readonly KindRow[] = [
  rowWithStatus(
    resources.podDisruptionBudgets,
    { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
    { validate: validateDisruptionBudget, hasGeneration: true },
  ),
]
