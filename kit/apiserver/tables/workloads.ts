/**
 * Kinds that keep a number of pods running, in one line.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, `printDeployment`, `printReplicaSet`,
 * `printReplicationController`.
 */
import type { Deployment, PodTemplateSpec, ReplicaSet, ReplicationController } from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, nameColumn, type Printer, wideColumn } from './columns.ts'
import { labelsText, selectorText } from './selector-text.ts'

export const templateColumns = [
  wideColumn('Containers', "The names of the template's containers."),
  wideColumn('Images', "The images of the template's containers."),
]

/** Container names and images, each joined by commas. */
export function templateCells(template: PodTemplateSpec | undefined): [names: string, images: string] {
  const containers = template?.spec?.containers ?? []
  return [containers.map(({ name }) => name).join(','), containers.map(({ image }) => image ?? '').join(',')]
}

export const deploymentPrinter: Printer<Deployment> = {
  columns: [
    nameColumn,
    column('Ready', 'Ready pods of desired pods.'),
    column('Up-to-date', 'Pods that have the newest template.'),
    column('Available', 'Pods that have been ready for long enough.'),
    ageColumn,
    ...templateColumns,
    wideColumn('Selector', 'The labels of the pods.'),
  ],
  cells({ metadata, spec, status }, nowMs) {
    return [
      metadata?.name ?? '',
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      status?.updatedReplicas ?? 0,
      status?.availableReplicas ?? 0,
      age(metadata?.creationTimestamp, nowMs),
      ...templateCells(spec?.template),
      selectorText(spec?.selector),
    ]
  },
}

const replicaColumns = [
  nameColumn,
  column('Desired', 'Pods there should be.', 'integer'),
  column('Current', 'Pods there are.', 'integer'),
  column('Ready', 'Pods that are ready.', 'integer'),
  ageColumn,
  ...templateColumns,
  wideColumn('Selector', 'The labels of the pods.'),
]

export const replicaSetPrinter: Printer<ReplicaSet> = {
  columns: replicaColumns,
  cells: (replicaSet, nowMs) => [...replicaCells(replicaSet, nowMs), selectorText(replicaSet.spec?.selector)],
}

export const replicationControllerPrinter: Printer<ReplicationController> = {
  columns: replicaColumns,
  cells: (controller, nowMs) => [...replicaCells(controller, nowMs), labelsText(controller.spec?.selector)],
}

function replicaCells({ metadata, spec, status }: ReplicaSet | ReplicationController, nowMs: number) {
  return [
    metadata?.name ?? '',
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    age(metadata?.creationTimestamp, nowMs),
    ...templateCells(spec?.template),
  ]
}
