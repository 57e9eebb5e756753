/**
 * Asks all kubelets every fifteen seconds what their pods have used, and remembers the last two answers: what
 * `metrics.k8s.io` is made of.
 *
 * Upstream has this in a component of its own, metrics-server, behind an APIService. It is in the API server's process here:
 * there is nothing to install and nothing to keep running for `kubectl top` to work, and this server passes no requests on
 * to other API servers. What it asks and how it computes is metrics-server's way, so any kubelet may be asked.
 *
 * Source: metrics-server `pkg/scraper/scraper.go`, `pkg/server/server.go`.
 */
import type { Clock, Timer } from '../../contracts/clock.ts'
import { describeError, type Log } from '../../contracts/log.ts'
import {
  type MeasuredUsage,
  nextPair,
  type PointPair,
  pointsOf,
  type UsagePoint,
  usageBetween,
} from './usage-points.ts'

const RESOLUTION_MS = 15_000
/** A node that was seen once only has to be seen again before it tells anything. */
const SECOND_LOOK_MS = 5_000

export interface ResourceMetrics {
  node(name: string): MeasuredUsage | undefined
  /** By container; undefined when nothing is known of the pod yet. */
  pod(namespace: string, name: string): ReadonlyMap<string, MeasuredUsage> | undefined
  stop(): void
}

export interface ResourceMetricsOptions<Node> {
  /** The nodes there are now, by name. */
  nodes(): ReadonlyMap<string, Node>
  /** The text of the node's `/metrics/resource`. */
  ask(node: Node): Promise<string>
  readonly clock: Clock
  readonly log: Log
}

interface Known {
  readonly node: PointPair | undefined
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, PointPair>>
}

export function startResourceMetrics<Node>({ nodes, ask, clock, log }: ResourceMetricsOptions<Node>): ResourceMetrics {
  let known = new Map<string, Known>()
  const silent = new Set<string>()
  let timer: Timer | undefined
  let stopped = false

  async function lookAt(name: string, node: Node): Promise<[string, Known][]> {
    const before = known.get(name)
    try {
      const points = pointsOf(await ask(node))
      silent.delete(`node ${name}`)
      const pods = [...points.pods].map(([key, containers]) => {
        return [key, nextPairs(before?.pods.get(key), containers)] as const
      })
      return [[name, { node: points.node && nextPair(before?.node, points.node, RESOLUTION_MS), pods: new Map(pods) }]]
    } catch (error) {
      warnOnce(`node ${name}`, error)
      return []
    }
  }

  /** Once, and not every fifteen seconds. */
  function warnOnce(whose: string, error: unknown): void {
    if (!silent.has(whose) && !stopped) log.warn(`usage of ${whose}: ${describeError(error)}`)
    silent.add(whose)
  }

  async function lookAtAll(): Promise<void> {
    try {
      const looks = await Promise.all([...nodes()].map(([name, node]) => lookAt(name, node)))
      known = new Map(looks.flat())
    } catch (error) {
      warnOnce('all nodes', error)
    }
    if (stopped) return
    const isWaiting = [...known.values()].some(({ node }) => node && !node.earlier)
    timer = clock.setTimer(isWaiting || known.size === 0 ? SECOND_LOOK_MS : RESOLUTION_MS, () => void lookAtAll())
  }

  timer = clock.setTimer(0, () => void lookAtAll())
  return {
    node: (name) => usageOf(known.get(name)?.node),
    pod(namespace, name) {
      for (const { pods } of known.values()) {
        const containers = pods.get(`${namespace}/${name}`)
        const usages = [...(containers ?? [])].flatMap(([container, pair]) => {
          const usage = usageOf(pair)
          return usage ? [[container, usage] as const] : []
        })
        if (usages.length > 0) return new Map(usages)
      }
      return undefined
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}

function nextPairs(
  before: ReadonlyMap<string, PointPair> | undefined,
  containers: ReadonlyMap<string, UsagePoint>,
): ReadonlyMap<string, PointPair> {
  return new Map([...containers].map(([name, point]) => [name, nextPair(before?.get(name), point, RESOLUTION_MS)]))
}

function usageOf(pair: PointPair | undefined): MeasuredUsage | undefined {
  return pair?.earlier && usageBetween(pair.earlier, pair.later)
}
