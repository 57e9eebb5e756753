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

/** The whole answer, in Prometheus' text format, names and labels sorted. */
export async function resourceMetrics(runtime: RuntimeService, node: NodeUsage): Promise<string> {
  const { containers, sandboxes, machine } = await runtime.usage()
  const everything = [...containers, ...sandboxes, ...(machine ? [machine] : [])]
  const pods = sandboxes.map((sandbox) => {
    const inside = containers.filter(({ labels }) => labels[criLabels.podUid] === sandbox.labels[criLabels.podUid])
    return { labels: podLabels(sandbox), ...sum([sandbox, ...inside]) }
  })
  const single = containers.map((one) => {
    return { ...one, labels: { container: one.labels[criLabels.containerName] ?? '', ...podLabels(one) } }
  })
  const whole = everything.length > 0 ? [{ labels: {}, ...node.add(everything) }] : []
  return [
    counter('container', 'container', single),
    gauge('container', 'container', single),
    startTimes(single),
    counter('node', 'node', whole),
    gauge('node', 'node', whole),
    counter('pod', 'pod', pods),
    gauge('pod', 'pod', pods),
    family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [
      'resource_scrape_error 0',
    ]),
  ].join('')
}

type Measured = Usage & { readonly labels: Readonly<Record<string, string>> }

function counter(prefix: string, what: string, all: readonly Measured[]): string {
  const name = `${prefix}_cpu_usage_seconds_total`
  const lines = all.map(({ labels, cpuNanoseconds, atMs }) => line(name, labels, cpuNanoseconds / 1e9, atMs))
  return family(name, 'counter', `Cumulative cpu time consumed by the ${what} in core-seconds`, lines)
}

function gauge(prefix: string, what: string, all: readonly Measured[]): string {
  const name = `${prefix}_memory_working_set_bytes`
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

function podLabels({ labels }: ContainerUsage): { namespace: string; pod: string } {
  return { namespace: labels[criLabels.podNamespace] ?? '', pod: labels[criLabels.podName] ?? '' }
}

function sum(all: readonly Usage[]): Usage {
  return {
    atMs: Math.max(...all.map(({ atMs }) => atMs)),
    cpuNanoseconds: all.reduce((total, { cpuNanoseconds }) => total + cpuNanoseconds, 0),
    workingSetBytes: all.reduce((total, { workingSetBytes }) => total + workingSetBytes, 0),
  }
}
