/**
 * From what a kubelet has counted to what was used per second: two looks at a counter, and the time between them.
 *
 * Guarantees: a counter that went backwards (the container is another one) tells nothing; a look that shows nothing newer is
 * no look; a container that began since the last look is taken to have begun at zero.
 *
 * Source: metrics-server `pkg/scraper/client/resource/decode.go`, `pkg/storage/{types,node,pod}.go`.
 */
import { parseSamples } from './prometheus-text.ts'

/** One look at one container, or at one node. */
export interface UsagePoint {
  readonly atMs: number
  readonly cpuSeconds: number
  readonly workingSetBytes: number
  /** 0 where it is not told. */
  readonly startedAtMs: number
}

/** One look at a node. */
export interface NodePoints {
  readonly node: UsagePoint | undefined
  /** By "namespace/name", and then by container. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, UsagePoint>>
}

/** What was used between two looks. */
export interface MeasuredUsage {
  readonly atMs: number
  readonly windowMs: number
  readonly cpuNanocores: number
  readonly memoryBytes: number
}

/** Reads the answer of `/metrics/resource`. What has only one of cpu and memory is left out. */
export function pointsOf(text: string): NodePoints {
  let node: Partial<UsagePoint> = {}
  const pods = new Map<string, Map<string, Partial<UsagePoint>>>()
  for (const { name, labels, value, atMs } of parseSamples(text)) {
    const [, subject, what] = /^(node|container)_(.*)$/.exec(name) ?? []
    const field = what && fieldOf(what, value, atMs)
    if (!field) continue
    if (subject === 'node') node = { ...node, ...field }
    else {
      const key = `${labels.namespace}/${labels.pod}`
      const containers = pods.get(key) ?? new Map<string, Partial<UsagePoint>>()
      pods.set(key, containers.set(labels.container ?? '', { ...containers.get(labels.container ?? ''), ...field }))
    }
  }
  const whole = [...pods].map(([key, points]) => [key, new Map([...points].flatMap(wholePoint))] as const)
  return { node: wholePoint(['', node])[0]?.[1], pods: new Map(whole.filter(([, points]) => points.size > 0)) }
}

function fieldOf(what: string, value: number, atMs: number | undefined): Partial<UsagePoint> | undefined {
  if (what === 'cpu_usage_seconds_total') return { cpuSeconds: value, ...(atMs && { atMs }) }
  if (what === 'memory_working_set_bytes') return { workingSetBytes: value }
  return what === 'start_time_seconds' ? { startedAtMs: value * 1000 } : undefined
}

function wholePoint([name, point]: readonly [string, Partial<UsagePoint>]): [string, UsagePoint][] {
  const { atMs, cpuSeconds, workingSetBytes, startedAtMs = 0 } = point
  if (!atMs || cpuSeconds === undefined || workingSetBytes === undefined) return []
  return [[name, { atMs, cpuSeconds, workingSetBytes, startedAtMs }]]
}

/** Undefined when the two looks tell nothing. */
export function usageBetween(earlier: UsagePoint, later: UsagePoint): MeasuredUsage | undefined {
  const windowMs = later.atMs - earlier.atMs
  if (windowMs <= 0 || later.cpuSeconds < earlier.cpuSeconds) return undefined
  const cpuNanocores = Math.round(((later.cpuSeconds - earlier.cpuSeconds) * 1e12) / windowMs)
  return { atMs: later.atMs, windowMs, cpuNanocores, memoryBytes: later.workingSetBytes }
}

/** Two looks at the same thing, of which the later is what was seen last. */
export interface PointPair {
  readonly earlier: UsagePoint | undefined
  readonly later: UsagePoint
}

/** A container younger than this is too young to tell how much it uses. */
const FRESH_MIN_MS = 10_000

/** What is remembered after another look. */
export function nextPair(known: PointPair | undefined, seen: UsagePoint, resolutionMs: number): PointPair {
  if (known && seen.atMs <= known.later.atMs) return known
  const isTheSame = known && seen.startedAtMs <= known.later.atMs
  if (isTheSame) return { earlier: known.later, later: seen }
  const ageMs = seen.atMs - seen.startedAtMs
  const isFresh = seen.startedAtMs > 0 && ageMs >= FRESH_MIN_MS && ageMs < resolutionMs
  return { earlier: isFresh ? { ...seen, atMs: seen.startedAtMs, cpuSeconds: 0 } : undefined, later: seen }
}
