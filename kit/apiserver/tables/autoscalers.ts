/**
 * HorizontalPodAutoscalers in one line. Both versions are shown alike, so the older one is first read as the newer.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, `printHorizontalPodAutoscaler`, `formatHPAMetrics`.
 */
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1, MetricSpec, MetricStatus } from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, type Cell, column, NONE, nameColumn, type Printer } from './columns.ts'

const columns = [
  nameColumn,
  column('Reference', 'What is scaled.'),
  column('Targets', 'Each metric: as it is, and as it should be.'),
  column('MinPods', 'The fewest pods.'),
  column('MaxPods', 'The most pods.'),
  column('Replicas', 'Pods there are.'),
  ageColumn,
]

export const autoscalerPrinter: Printer<HorizontalPodAutoscaler> = {
  columns,
  cells: ({ metadata, spec, status }, nowMs) => [
    ...leadingCells(metadata, spec?.scaleTargetRef),
    metricsText(spec?.metrics ?? [], status?.currentMetrics ?? []),
    String(spec?.minReplicas ?? '<unset>'),
    spec?.maxReplicas ?? 0,
    status?.currentReplicas ?? 0,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const autoscalerV1Printer: Printer<HorizontalPodAutoscalerV1> = {
  columns,
  cells: ({ metadata, spec, status }, nowMs) => {
    const { targetCPUUtilizationPercentage: wanted } = spec ?? {}
    const { currentCPUUtilizationPercentage: current } = status ?? {}
    return [
      ...leadingCells(metadata, spec?.scaleTargetRef),
      wanted === undefined ? NONE : `cpu: ${percent(current) ?? '<unknown>'}/${percent(wanted)}`,
      String(spec?.minReplicas ?? '<unset>'),
      spec?.maxReplicas ?? 0,
      status?.currentReplicas ?? 0,
      age(metadata?.creationTimestamp, nowMs),
    ]
  },
}

function leadingCells(
  metadata: HorizontalPodAutoscaler['metadata'],
  target: { kind: string; name: string } | undefined,
): Cell[] {
  return [metadata?.name ?? '', `${target?.kind ?? ''}/${target?.name ?? ''}`]
}

function metricsText(metrics: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (metrics.length === 0) return NONE
  const texts = metrics.map((metric, i) => metricText(metric, statuses[i]))
  const shown = texts.slice(0, 2).join(', ')
  return texts.length > 2 ? `${shown} + ${texts.length - 2} more...` : shown
}

function metricText(metric: MetricSpec, status: MetricStatus | undefined): string {
  const of = metric.resource ?? metric.containerResource
  const current = (status?.resource ?? status?.containerResource ?? status?.pods ?? status?.object ?? status?.external)
    ?.current
  if (of) {
    const { averageValue, averageUtilization } = of.target ?? {}
    return averageValue === undefined
      ? `${of.name}: ${percent(current?.averageUtilization) ?? '<unknown>'}/${percent(averageUtilization) ?? '<auto>'}`
      : `${of.name}: ${current?.averageValue ?? '<unknown>'}/${averageValue}`
  }
  const { averageValue, value } = (metric.pods ?? metric.object ?? metric.external)?.target ?? {}
  if (metric.pods) return `${current?.averageValue ?? '<unknown>'}/${averageValue}`
  return averageValue === undefined
    ? `${current?.value ?? '<unknown>'}/${value}`
    : `${current?.averageValue ?? '<unknown>'}/${averageValue} (avg)`
}

function percent(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value}%`
}
