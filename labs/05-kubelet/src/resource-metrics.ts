/**
 * `/metrics/resource`: how much cpu and memory the node, its pods and their containers use, for whoever computes with it
 * (`kubectl top`, autoscalers). Given.
 *
 * Counters only ever grow; whoever reads them twice learns the rate. The node is all that runs on it: the machine below it
 * is shared with the other nodes and with everything else here.
 *
 * Source: kubernetes `pkg/kubelet/metrics/collectors/resource_metrics.go` (names, texts, units).
 */
import { type ContainerUsage, criLabels, type RuntimeService, type Usage } from '#kit/contracts/cri.ts'

/** What a node has used since this was created; goes on growing when containers end and are removed. */
export class NodeUsage {
  readonly #lastSeen = new Map<string, number>()
  #cpuNanoseconds = 0

  /** @param running everything that runs now */
  add(running: readonly ContainerUsage[]): Usage {
    for (const { id, cpuNanoseconds } of running) {
      this.#cpuNanoseconds += Math.max(cpuNanoseconds - (this.#lastSeen.get(id) ?? 0), 0)
    }
    this.#lastSeen.clear()
    for (const { id, cpuNanoseconds } of running) this.#lastSeen.set(id, cpuNanoseconds)
    return { ...sum(running), cpuNanoseconds: this.#cpuNanoseconds }
  }
}

export interface PodUsage extends Usage {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly startedAtMs: number
  readonly containers: readonly (Usage & { readonly name: string; readonly startedAtMs: number })[]
}

/** What the node uses, and each of its pods: its containers and its sandbox together. */
export async function measure(
  runtime: RuntimeService,
  nodeUsage: NodeUsage,
): Promise<{ node?: Usage; pods: PodUsage[] }> {
  const { containers, sandboxes, machine } = await runtime.usage()
  const pods = sandboxes.map((sandbox) => {
    const inside = containers.filter(({ labels }) => labels[criLabels.podUid] === sandbox.labels[criLabels.podUid])
    return {
      namespace: sandbox.labels[criLabels.podNamespace] ?? '',
      name: sandbox.labels[criLabels.podName] ?? '',
      uid: sandbox.labels[criLabels.podUid] ?? '',
      startedAtMs: sandbox.startedAtMs,
      ...sum([sandbox, ...inside]),
      containers: inside.map((one) => ({ ...one, name: one.labels[criLabels.containerName] ?? '' })),
    }
  })
  const everything = [...containers, ...sandboxes, ...(machine ? [machine] : [])]
  return { pods, ...(everything.length > 0 && { node: nodeUsage.add(everything) }) }
}

/** The whole answer, in Prometheus' text format, names and labels sorted. */
export async function resourceMetrics(runtime: RuntimeService, nodeUsage: NodeUsage): Promise<string> {
  const measured = await measure(runtime, nodeUsage)
  const pods = measured.pods.map(({ namespace, name, ...pod }) => ({ ...pod, labels: { namespace, pod: name } }))
  const containers = pods.flatMap((pod) =>
    pod.containers.map((container) => ({ ...container, labels: { container: container.name, ...pod.labels } })),
  )
  const node = measured.node ? [{ ...measured.node, labels: {} }] : []
  return [
    counter('container', containers),
    gauge('container', containers),
    startTimes(containers),
    counter('node', node),
    gauge('node', node),
    counter('pod', pods),
    gauge('pod', pods),
    family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [
      'resource_scrape_error 0',
    ]),
  ].join('')
}

type Measured = Usage & { readonly labels: Readonly<Record<string, string>> }

function counter(what: string, all: readonly Measured[]): string {
  const name = `${what}_cpu_usage_seconds_total`
  const lines = all.map(({ labels, cpuNanoseconds, atMs }) => line(name, labels, cpuNanoseconds / 1e9, atMs))
  return family(name, 'counter', `Cumulative cpu time consumed by the ${what} in core-seconds`, lines)
}

function gauge(what: string, all: readonly Measured[]): string {
  const name = `${what}_memory_working_set_bytes`
  const lines = all.map(({ labels, workingSetBytes, atMs }) => line(name, labels, workingSetBytes, atMs))
  return family(name, 'gauge', `Current working set of the ${what} in bytes`, lines)
}

function startTimes(all: readonly { labels: Readonly<Record<string, string>>; startedAtMs: number }[]): string {
  const name = 'container_start_time_seconds'
  const lines = all.map(({ labels, startedAtMs }) => line(name, labels, startedAtMs / 1000))
  return family(name, 'gauge', 'Start time of the container since unix epoch in seconds', lines)
}

/** Nothing of a family that has no members. */
function family(name: string, type: 'counter' | 'gauge', help: string, lines: readonly string[]): string {
  if (lines.length === 0) return ''
  return [`# HELP ${name} [STABLE] ${help}`, `# TYPE ${name} ${type}`, ...lines.toSorted(), ''].join('\n')
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number, atMs?: number): string {
  const pairs = Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, text]) => `${label}=${JSON.stringify(text)}`)
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}${atMs === undefined ? '' : ` ${atMs}`}`
}

function sum(all: readonly Usage[]): Usage {
  return {
    atMs: Math.max(...all.map(({ atMs }) => atMs)),
    cpuNanoseconds: all.reduce((total, { cpuNanoseconds }) => total + cpuNanoseconds, 0),
    workingSetBytes: all.reduce((total, { workingSetBytes }) => total + workingSetBytes, 0),
  }
}
