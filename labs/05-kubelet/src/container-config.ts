/**
 * From the pod's spec to CRI's configs: what the kubelet asks the runtime for.
 *
 * Source: kubernetes `pkg/kubelet/kuberuntime` (generatePodSandboxConfig, generateContainerConfig,
 * generateLinuxContainerResources).
 */
import type { Container, Pod, ResourceRequirements, Stored } from '#kit/api/objects.ts'
import { cpuMillicores, memoryBytes } from '#kit/api/quantity.ts'
import {
  type ContainerConfig,
  criAnnotations,
  criLabels,
  type LinuxContainerResources,
  type Mount,
  type PodSandboxConfig,
} from '#kit/contracts/cri.ts'
import { expand } from './environment.ts'
import { containerHash } from './restart-policy.ts'

const CPU_PERIOD_US = 100_000
/** The kernel's minimum for a quota. */
const MIN_QUOTA_US = 1000
/** The kernel's minimum for shares: what a pod without a cpu request gets. */
const MIN_SHARES = 2
const SHARES_PER_CPU = 1024

export function sandboxConfig(pod: Stored<Pod>, attempt: number, ip: string | undefined): PodSandboxConfig {
  const { name, namespace = 'default', uid, labels = {}, annotations = {} } = pod.metadata
  return {
    metadata: { name, namespace, uid, attempt },
    // A host name has at most 63 characters.
    hostname: (pod.spec?.hostname ?? name).slice(0, 63).replace(/[-.]+$/, ''),
    ip,
    labels: { ...labels, ...podLabels(pod) },
    annotations,
  }
}

export interface ContainerSurroundings {
  readonly environment: Readonly<Record<string, string>>
  readonly mounts: readonly Mount[]
  /** The restart count. */
  readonly attempt: number
}

export function containerConfig(
  pod: Stored<Pod>,
  container: Container,
  { environment, mounts, attempt }: ContainerSurroundings,
): ContainerConfig {
  const expandAll = (words: readonly string[] | undefined) => words?.map((word) => expand(word, environment))
  const security = { ...pod.spec?.securityContext, ...container.securityContext }
  const { capabilities } = container.securityContext ?? {}
  return {
    metadata: { name: container.name, attempt },
    image: container.image ?? '',
    command: container.command?.length ? expandAll(container.command) : undefined,
    args: container.args?.length ? expandAll(container.args) : undefined,
    workingDir: container.workingDir,
    envs: Object.entries(environment).map(([key, value]) => ({ key, value })),
    mounts,
    labels: { ...podLabels(pod), [criLabels.containerName]: container.name },
    annotations: {
      [criAnnotations.containerHash]: containerHash(container),
      [criAnnotations.restartCount]: String(attempt),
    },
    resources: linuxResources(container.resources),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    user: userOf(security.runAsUser, security.runAsGroup),
    privileged: container.securityContext?.privileged,
    readonlyRootfs: container.securityContext?.readOnlyRootFilesystem,
    capabilities: capabilities && { add: capabilities.add ?? [], drop: capabilities.drop ?? [] },
  }
}

/** Requests become a weight, limits become a ceiling. Without a request, the limit counts as the request. */
export function linuxResources({ requests, limits }: ResourceRequirements = {}): LinuxContainerResources {
  const cpuRequest = requests?.cpu ?? limits?.cpu
  const shares = cpuRequest === undefined ? MIN_SHARES : Math.floor((cpuMillicores(cpuRequest) * SHARES_PER_CPU) / 1000)
  const quota = limits?.cpu === undefined ? undefined : Math.floor((cpuMillicores(limits.cpu) * CPU_PERIOD_US) / 1000)
  return {
    cpuShares: Math.max(shares, MIN_SHARES),
    ...(quota && { cpuQuotaUs: Math.max(quota, MIN_QUOTA_US), cpuPeriodUs: CPU_PERIOD_US }),
    ...(limits?.memory !== undefined && { memoryLimitBytes: memoryBytes(limits.memory) }),
  }
}

function podLabels({ metadata }: Stored<Pod>): Record<string, string> {
  return {
    [criLabels.podName]: metadata.name,
    [criLabels.podNamespace]: metadata.namespace ?? 'default',
    [criLabels.podUid]: metadata.uid,
  }
}

function userOf(user: number | undefined, group: number | undefined): string | undefined {
  if (user === undefined) return undefined
  return group === undefined ? String(user) : `${user}:${group}`
}
