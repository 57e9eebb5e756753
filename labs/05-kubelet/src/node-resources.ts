/**
 * What the machine has, and what of it may be promised to pods.
 *
 * Source: kubernetes `pkg/kubelet/nodestatus/setters.go` (MachineInfo); "Reserve compute resources for system daemons".
 */
import type { NodeStatus } from '#kit/api/objects.ts'
import { cpuMillicores, memoryBytes } from '#kit/api/quantity.ts'
import type { Machine } from './node-status.ts'

const MAX_PODS = 110
/** So much memory is never promised to pods: below it the kubelet would evict. */
const RESERVED_MEMORY_BYTES = 100 * 1024 * 1024
/** The same for the disk, as a fraction; a 32-bit float, because upstream's is. */
const RESERVED_DISK = Math.fround(0.1)

export function nodeResources({ cpus, memoryBytes, diskBytes }: Machine): Pick<NodeStatus, 'capacity' | 'allocatable'> {
  const kibibytes = (bytes: number) => `${Math.floor(bytes / 1024)}Ki`
  const fixed = { cpu: String(cpus), 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', pods: String(MAX_PODS) }
  return {
    capacity: { ...fixed, memory: kibibytes(memoryBytes), 'ephemeral-storage': kibibytes(diskBytes) },
    allocatable: {
      ...fixed,
      memory: kibibytes(memoryBytes - RESERVED_MEMORY_BYTES),
      'ephemeral-storage': String(diskBytes - Math.floor(diskBytes * RESERVED_DISK)),
    },
  }
}

/** The same as numbers, for whoever calculates with it. */
export function allocatableOf(machine: Machine): { cpuMillicores: number; memoryBytes: number } {
  const { allocatable } = nodeResources(machine)
  return { cpuMillicores: cpuMillicores(allocatable?.cpu ?? 0), memoryBytes: memoryBytes(allocatable?.memory ?? 0) }
}
