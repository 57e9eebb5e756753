/**
 * `/stats/summary`: the same figures as `/metrics/resource`, as JSON, for older readers. Given.
 *
 * Upstream's tells much more (file systems, network, page faults); here is what the others are computed from.
 *
 * Source: kubernetes `staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go`.
 */
import type { RuntimeService, Usage } from '#kit/contracts/cri.ts'
import { measure, type NodeUsage } from './resource-metrics.ts'
import { formatTime } from './status/times.ts'

export async function statsSummary(runtime: RuntimeService, nodeUsage: NodeUsage, nodeName: string): Promise<object> {
  const { node, pods } = await measure(runtime, nodeUsage)
  return {
    node: { nodeName, ...(node && figures(node)) },
    pods: pods.map(({ name, namespace, uid, startedAtMs, containers, ...usage }) => ({
      podRef: { name, namespace, uid },
      startTime: formatTime(startedAtMs),
      containers: containers.map((container) => {
        return { name: container.name, startTime: formatTime(container.startedAtMs), ...figures(container) }
      }),
      ...figures(usage),
    })),
  }
}

function figures({ atMs, cpuNanoseconds, workingSetBytes }: Usage): object {
  const time = formatTime(atMs)
  return { cpu: { time, usageCoreNanoSeconds: cpuNanoseconds }, memory: { time, workingSetBytes } }
}
