/**
 * HorizontalPodAutoscalers: one thing, two versions. autoscaling/v1 knows only the processor's load; what v2 says beyond
 * that is kept in an annotation, so that whoever reads and writes the older version loses nothing.
 *
 * Source: kubernetes `pkg/apis/autoscaling/v2/defaults.go`, `pkg/apis/autoscaling/v1/conversion.go`.
 */
import type {
  ApiObject,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  MetricSpec,
  MetricStatus,
} from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { invalidValue, required } from '../validation/field-errors.ts'

const REST = 'autoscaling.alpha.kubernetes.io/rest'
const DEFAULT_UTILIZATION = 80

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>
type Condition = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['conditions']>[number]

/** Between one pod and the maximum, at 80 % of the requested processor time; fast up, slowly down. */
export function applyAutoscalerDefaults(draft: ApiObject): void {
  const { spec } = draft as HorizontalPodAutoscaler
  if (!spec) return
  spec.minReplicas ??= 1
  if (!spec.metrics?.length) spec.metrics = [cpuMetric(DEFAULT_UTILIZATION)]
  if (spec.behavior) spec.behavior = behaviorWithDefaults(spec.behavior)
}

function behaviorWithDefaults({ scaleUp, scaleDown }: NonNullable<Spec['behavior']>): NonNullable<Spec['behavior']> {
  const percent = { type: 'Percent', value: 100, periodSeconds: 15 }
  return {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, percent],
      ...scaleUp,
    },
    scaleDown: { selectPolicy: 'Max', policies: [percent], ...scaleDown },
  }
}

export function validateAutoscaler(object: ApiObject): readonly FieldError[] {
  const { spec } = object as HorizontalPodAutoscaler
  const { minReplicas = 1, maxReplicas = 0, scaleTargetRef } = spec ?? {}
  return [
    ...(minReplicas < 1
      ? [invalidValue('spec.minReplicas', String(minReplicas), 'must be greater than or equal to 1')]
      : []),
    ...(maxReplicas < 1 ? [invalidValue('spec.maxReplicas', String(maxReplicas), 'must be greater than 0')] : []),
    ...(maxReplicas < minReplicas
      ? [invalidValue('spec.maxReplicas', String(maxReplicas), 'must be greater than or equal to `minReplicas`')]
      : []),
    ...(scaleTargetRef?.kind ? [] : [required('spec.scaleTargetRef.kind')]),
    ...(scaleTargetRef?.name ? [] : [required('spec.scaleTargetRef.name')]),
  ]
}

/** From v1, as clients write it, to v2. */
export function autoscalerToStorage(object: ApiObject): ApiObject {
  const { spec: sent, status: sentStatus, ...rest } = object as HorizontalPodAutoscalerV1
  const { targetCPUUtilizationPercentage: cpu, ...spec } = sent ?? {
    scaleTargetRef: { kind: '', name: '' },
    maxReplicas: 0,
  }
  const { currentCPUUtilizationPercentage: currentCpu, ...status } = sentStatus ?? {}
  const { [REST]: beyond, ...annotations } = rest.metadata?.annotations ?? {}
  const { metrics = [], currentMetrics = [], behavior, conditions } = parsed(beyond)
  const allMetrics = [...(cpu === undefined ? [] : [cpuMetric(cpu)]), ...metrics]
  const allCurrent = [...(currentCpu === undefined ? [] : [cpuStatus(currentCpu)]), ...currentMetrics]
  return {
    ...rest,
    apiVersion: 'autoscaling/v2',
    metadata: withAnnotations(rest.metadata ?? {}, annotations),
    spec: { ...spec, ...(allMetrics.length > 0 && { metrics: allMetrics }), ...(behavior && { behavior }) },
    ...(sentStatus && { status: { ...status, currentMetrics: orNull(allCurrent), ...(conditions && { conditions }) } }),
  }
}

/** From v2, as it is stored, to v1. */
export function autoscalerFromStorage(object: ApiObject): ApiObject {
  const { spec: stored, status: storedStatus, ...rest } = object as HorizontalPodAutoscaler
  const { metrics = [], behavior, ...spec } = stored ?? { scaleTargetRef: { kind: '', name: '' }, maxReplicas: 0 }
  const { currentMetrics, conditions, ...status } = storedStatus ?? { desiredReplicas: 0 }
  const cpu = metrics.find(isCpuUtilization)
  const currentCpu = (currentMetrics ?? []).find(isCpuStatus)
  const beyond: Beyond = {
    metrics: metrics.filter((metric) => metric !== cpu),
    currentMetrics: (currentMetrics ?? []).filter((metric) => metric !== currentCpu),
    behavior,
    conditions,
  }
  const entries = Object.entries(beyond).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value))
  const annotations = {
    ...rest.metadata?.annotations,
    ...(entries.length > 0 && { [REST]: JSON.stringify(Object.fromEntries(entries)) }),
  }
  const target = cpu?.resource?.target.averageUtilization
  const current = currentCpu?.resource?.current.averageUtilization
  return {
    ...rest,
    apiVersion: 'autoscaling/v1',
    metadata: withAnnotations(rest.metadata ?? {}, annotations),
    spec: { ...spec, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
    status: {
      currentReplicas: 0,
      ...status,
      ...(current !== undefined && { currentCPUUtilizationPercentage: current }),
    },
  }
}

/** What v1 has no fields for. */
interface Beyond {
  metrics?: MetricSpec[] | undefined
  currentMetrics?: MetricStatus[] | undefined
  behavior?: Spec['behavior'] | undefined
  conditions?: Condition[] | undefined
}

/** The annotation's content. Users can write there, too: what is not as it was left counts as nothing. */
function parsed(annotation: string | undefined): Beyond {
  try {
    const value: unknown = JSON.parse(annotation ?? '{}')
    if (!isObject(value)) return {}
    const { metrics, currentMetrics, behavior, conditions } = value
    return {
      metrics: objectsOf<MetricSpec>(metrics),
      currentMetrics: objectsOf<MetricStatus>(currentMetrics),
      ...(isObject(behavior) && { behavior }),
      ...(Array.isArray(conditions) && { conditions: objectsOf<Condition>(conditions) }),
    }
  } catch {
    return {}
  }
}

function objectsOf<T extends object>(list: unknown): T[] {
  return Array.isArray(list) ? (list.filter(isObject) as unknown as T[]) : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withAnnotations(metadata: NonNullable<ApiObject['metadata']>, annotations: Record<string, string>) {
  const { annotations: _before, ...rest } = metadata
  return { ...rest, ...(Object.keys(annotations).length > 0 && { annotations }) }
}

function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length > 0 ? list : null
}

function cpuMetric(averageUtilization: number): MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } }
}

function cpuStatus(averageUtilization: number): MetricStatus {
  return { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization } } }
}

function isCpuUtilization({ resource }: MetricSpec): boolean {
  return resource?.name === 'cpu' && resource.target?.averageUtilization !== undefined
}

function isCpuStatus({ resource }: MetricStatus): boolean {
  return resource?.name === 'cpu' && resource.current?.averageUtilization !== undefined
}
