/**
 * `metrics.k8s.io`: NodeMetrics and PodMetrics, for `kubectl top` and autoscalers. Who there is comes from the stored nodes
 * and pods, what they use from the kubelets' figures (given, kit/apiserver/usage/); one without figures yet is left out.
 *
 * Source: metrics-server `pkg/api/{node,pod}.go`; k8s.io/metrics `pkg/apis/metrics/v1beta1/types.go`.
 */
import type { ApiObject, Node, Stored } from '#kit/api/objects.ts'
import { canonicalQuantity, formatQuantity } from '#kit/api/quantity.ts'
import { createKubeletAsker } from '#kit/apiserver/usage/ask-kubelet.ts'
import { type ResourceMetrics, startResourceMetrics } from '#kit/apiserver/usage/resource-metrics.ts'
import type { MeasuredUsage } from '#kit/apiserver/usage/usage-points.ts'
import type { ApiResponse, HttpServerOptions, KindRow } from '#kit/contracts/apiserver.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import { answer, type Call } from './call.ts'
import { toRfc3339 } from './deletion.ts'
import { methodNotAllowed, notFound, unknownResource } from './errors.ts'
import { NODES, PODS } from './storage/keys.ts'
import type { KindCaches } from './storage/kind-caches.ts'
import { kubeletOf } from './subresources/kubelet-stream.ts'
import type { ApiContext } from './verbs/context.ts'
import { parseListOptions } from './verbs/list-options.ts'

export async function answerMetrics({ context, request, info, target }: Call): Promise<ApiResponse> {
  const { row } = target
  const { verb, namespace, name, subresource } = info
  if (subresource) throw unknownResource()
  const metricsOf = row.resource.namespaced ? podMetrics : nodeMetrics
  if (verb === 'get') {
    const [subject] = subjectsOf(context, row).filter(
      ({ metadata }) => metadata.name === name && (metadata.namespace ?? '') === namespace,
    )
    const found = subject && metricsOf(context, row, subject)
    const path = namespace ? `${namespace}/${name}` : name
    if (!found) throw notFound({ ...row.resource, plural: row.resource.kind.toLowerCase() }, path)
    return answer(target, found)
  }
  if (verb !== 'list') throw methodNotAllowed()
  const { matches } = parseListOptions(request, row)
  const items = subjectsOf(context, row)
    .filter(({ metadata }) => namespace === '' || metadata.namespace === namespace)
    .filter(matches)
    .flatMap((subject) => metricsOf(context, row, subject) ?? [])
  return answer(target, { kind: `${row.resource.kind}List`, apiVersion: apiVersion(row), metadata: {}, items })
}

/** Begins to ask the kubelets of all nodes. */
export function startMeasuring(
  kubelet: NonNullable<HttpServerOptions['kubelet']>,
  caches: KindCaches,
  clock: Clock,
  log: Log,
): ResourceMetrics {
  const asker = createKubeletAsker(kubelet)
  const nodes = () => {
    const stored = [...caches.of(NODES).cache.entries().values()]
    return new Map(stored.map((node) => [node.metadata.name, kubeletOf(node as Stored<Node>)]))
  }
  const metrics = startResourceMetrics({ nodes, ask: (one) => asker.ask(one, '/metrics/resource'), clock, log })
  return {
    ...metrics,
    stop() {
      metrics.stop()
      asker.close()
    },
  }
}

/** The nodes or the pods, in the order of their names. */
function subjectsOf({ caches }: ApiContext, { resource }: KindRow): readonly Stored<ApiObject>[] {
  const { cache } = caches.of(resource.namespaced ? PODS : NODES)
  return [...cache.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
}

function nodeMetrics(context: ApiContext, row: KindRow, node: Stored<ApiObject>): ApiObject | undefined {
  const usage = context.usage?.node(node.metadata.name)
  return usage && { ...envelope(context, row, node, usage), usage: quantities(usage) }
}

/** A pod's figures are as old as those of the container that was measured first. */
function podMetrics(context: ApiContext, row: KindRow, pod: Stored<ApiObject>): ApiObject | undefined {
  const containers = context.usage?.pod(pod.metadata.namespace ?? '', pod.metadata.name)
  const [oldest] = [...(containers?.values() ?? [])].sort((a, b) => a.atMs - b.atMs)
  if (!containers || !oldest) return undefined
  return {
    ...envelope(context, row, pod, oldest),
    containers: [...containers].map(([name, usage]) => ({ name, usage: quantities(usage) })),
  }
}

function envelope(
  { clock }: ApiContext,
  row: KindRow,
  { metadata }: Stored<ApiObject>,
  { atMs, windowMs }: MeasuredUsage,
) {
  const { name, namespace, labels } = metadata
  return {
    kind: row.resource.kind,
    apiVersion: apiVersion(row),
    metadata: {
      name,
      ...(namespace && { namespace }),
      creationTimestamp: toRfc3339(clock.now()),
      ...(labels && { labels }),
    } as ApiObject['metadata'] & object,
    timestamp: toRfc3339(atMs),
    window: durationText(windowMs),
  }
}

function quantities({ cpuNanocores, memoryBytes }: MeasuredUsage): { cpu: string; memory: string } {
  const memory = { nanos: BigInt(Math.round(memoryBytes)) * 1_000_000_000n, format: 'BinarySI' } as const
  return { cpu: canonicalQuantity(`${cpuNanocores}n`), memory: formatQuantity(memory) }
}

/** As Go writes a duration: "15.036s", "1m0s". */
export function durationText(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  const seconds = `${(ms - minutes * 60_000) / 1000}s`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}

function apiVersion({ resource: { group, version } }: KindRow): string {
  return `${group}/${version}`
}
