/**
 * How much cpu and memory everything of this node uses, as Docker's statistics have it: given.
 *
 * Source: kubernetes 1.23 `pkg/kubelet/dockershim/docker_stats_linux.go`; cadvisor `container/libcontainer/handler.go`
 * (working set = usage − inactive file cache).
 */
import { type ContainerUsage, criLabels, type RuntimeUsage } from '#kit/contracts/cri.ts'
import type { ContainerStatistics, ContainerSummary, DockerEngine } from '#kit/runtime/docker-engine.ts'
import { dockerLabels } from './docker-options.ts'
import { parseTime } from './docker-status.ts'

export async function readUsage(
  docker: DockerEngine,
  ours: Readonly<Record<string, string>>,
  nodeContainer: string | undefined,
): Promise<RuntimeUsage> {
  const running = (await docker.listContainers(ours)).filter(({ State }) => State === 'running')
  const usages = await Promise.all(running.map((container) => usageOf(docker, container)))
  const ofType = (type: string) =>
    usages.flatMap((usage, i) => (usage && running[i]?.Labels[dockerLabels.type] === type ? [usage] : []))
  const machine = nodeContainer ? await docker.inspectContainer(nodeContainer) : undefined
  return {
    containers: ofType('container').filter(({ labels }) => labels[criLabels.containerName]),
    sandboxes: ofType('podsandbox'),
    machine: machine && (await usageOf(docker, { Id: machine.Id, Created: 0, State: '', Labels: {} })),
  }
}

/** Undefined for a container that has just ended. */
async function usageOf(
  docker: DockerEngine,
  { Id, Created, Labels }: ContainerSummary,
): Promise<ContainerUsage | undefined> {
  const statistics = await docker.statistics(Id)
  const atMs = statistics ? parseTime(statistics.read) : 0
  if (!statistics || atMs === 0) return undefined
  return {
    id: Id,
    labels: Labels,
    startedAtMs: Created * 1000,
    atMs,
    cpuNanoseconds: statistics.cpu_stats.cpu_usage.total_usage,
    workingSetBytes: workingSet(statistics),
  }
}

/** cgroup v2 says `inactive_file`, v1 `total_inactive_file`. */
export function workingSet({
  memory_stats: { usage = 0, stats = {} },
}: Pick<ContainerStatistics, 'memory_stats'>): number {
  return Math.max(usage - (stats.inactive_file ?? stats.total_inactive_file ?? 0), 0)
}
