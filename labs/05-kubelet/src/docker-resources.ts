/**
 * What a container may use, in Docker's words and back: given, for containers that are resized while they run.
 *
 * Source: kubernetes 1.23 `pkg/kubelet/dockershim/docker_container.go` (UpdateContainerResources); Docker's API, `/update`.
 */
import type { LinuxContainerResources } from '#kit/contracts/cri.ts'
import type { ContainerInspection, ResourceOptions } from '#kit/runtime/docker-engine.ts'

/** What is not named keeps its value. */
export function dockerResources(resources: LinuxContainerResources): ResourceOptions {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs = 100_000, memoryLimitBytes } = resources
  return {
    ...(cpuShares && { CpuShares: cpuShares }),
    ...(cpuQuotaUs && { CpuQuota: cpuQuotaUs, CpuPeriod: cpuPeriodUs }),
    // Without this, swap would be left over, and the limit would be none.
    ...(memoryLimitBytes && { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes }),
  }
}

export function resourcesOf({ HostConfig = {} }: ContainerInspection): LinuxContainerResources {
  const { CpuShares, CpuQuota, CpuPeriod, Memory } = HostConfig
  return {
    ...(CpuShares && { cpuShares: CpuShares }),
    ...(CpuQuota && CpuQuota > 0 && { cpuQuotaUs: CpuQuota, cpuPeriodUs: CpuPeriod || 100_000 }),
    ...(Memory && { memoryLimitBytes: Memory }),
  }
}
