/**
 * DaemonSets, StatefulSets and their revisions, pod templates, and budgets for pods, in one line.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, `printDaemonSet`, `printStatefulSet`,
 * `printControllerRevision`, `printPodTemplate`, `printPodDisruptionBudget`.
 */
import {
  type ControllerRevision,
  controllerOf,
  type DaemonSet,
  type PodDisruptionBudget,
  type PodTemplate,
  type StatefulSet,
} from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, NONE, nameColumn, type Printer, wideColumn } from './columns.ts'
import { labelsText, selectorText } from './selector-text.ts'
import { templateCells, templateColumns } from './workloads.ts'

export const daemonSetPrinter: Printer<DaemonSet> = {
  columns: [
    nameColumn,
    column('Desired', 'Nodes that should run a pod.', 'integer'),
    column('Current', 'Nodes that run one.', 'integer'),
    column('Ready', 'Nodes whose pod is ready.', 'integer'),
    column('Up-to-date', 'Nodes whose pod has the newest template.', 'integer'),
    column('Available', 'Nodes whose pod has been ready for long enough.', 'integer'),
    column('Node Selector', 'The labels of the nodes.'),
    ageColumn,
    ...templateColumns,
    wideColumn('Selector', 'The labels of the pods.'),
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    status?.desiredNumberScheduled ?? 0,
    status?.currentNumberScheduled ?? 0,
    status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0,
    status?.numberAvailable ?? 0,
    labelsText(spec?.template?.spec?.nodeSelector),
    age(metadata?.creationTimestamp, nowMs),
    ...templateCells(spec?.template),
    selectorText(spec?.selector),
  ],
}

export const statefulSetPrinter: Printer<StatefulSet> = {
  columns: [nameColumn, column('Ready', 'Ready pods of desired pods.'), ageColumn, ...templateColumns],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    age(metadata?.creationTimestamp, nowMs),
    ...templateCells(spec?.template),
  ],
}

export const controllerRevisionPrinter: Printer<ControllerRevision> = {
  columns: [
    nameColumn,
    column('Controller', 'Whose revision it is.'),
    column('Revision', 'Its number; the highest is the newest.'),
    ageColumn,
  ],
  cells: (revision, nowMs) => [
    revision.metadata?.name ?? '',
    controllerText(revision),
    revision.revision ?? 0,
    age(revision.metadata?.creationTimestamp, nowMs),
  ],
}

/** "daemonset.apps/web" */
function controllerText(revision: ControllerRevision): string {
  const controller = controllerOf(revision)
  if (!controller) return NONE
  const [group = ''] = controller.apiVersion.includes('/') ? controller.apiVersion.split('/') : ['']
  return `${[controller.kind.toLowerCase(), group].filter(Boolean).join('.')}/${controller.name}`
}

export const podTemplatePrinter: Printer<PodTemplate> = {
  columns: [
    nameColumn,
    ...templateColumns.map((shown) => ({ ...shown, priority: 0 as const })),
    column('Pod Labels', "The template's labels."),
  ],
  cells: ({ metadata, template }) => [
    metadata?.name ?? '',
    ...templateCells(template),
    labelsText(template?.metadata?.labels),
  ],
}

export const disruptionBudgetPrinter: Printer<PodDisruptionBudget> = {
  columns: [
    nameColumn,
    column('Min Available', 'Pods that must stay.'),
    column('Max Unavailable', 'Pods that may be missing.'),
    column('Allowed Disruptions', 'Pods that may be evicted now.', 'integer'),
    ageColumn,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    String(spec?.minAvailable ?? 'N/A'),
    String(spec?.maxUnavailable ?? 'N/A'),
    status?.disruptionsAllowed ?? 0,
    age(metadata?.creationTimestamp, nowMs),
  ],
}
