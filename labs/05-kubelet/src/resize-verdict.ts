/**
 * Whether a node has room for a pod of another size.
 *
 * Source: kubernetes `pkg/kubelet/kubelet.go` (canResizePod); KEP-1287.
 */
import type { Pod, ResourceRequirements } from '#kit/api/objects.ts'
import { cpuMillicores, memoryBytes } from '#kit/api/quantity.ts'
import { isTerminalPhase } from './status/phase.ts'

/** What a node has for its pods. */
export interface Allocatable {
  readonly cpuMillicores: number
  readonly memoryBytes: number
}

/** Infeasible: it will never fit. Deferred: it does not fit beside the pods that are there now. */
export type ResizeVerdict = 'Infeasible' | 'Deferred' | 'Fits'

/** @param onNode all pods of the node, this one may be among them */
export function judgeResize(pod: Pod, onNode: readonly Pod[], allocatable: Allocatable): ResizeVerdict {
  const wanted = (pod.spec?.containers ?? []).map(({ resources }) => resources)
  if (!fits(wanted, allocatable)) return 'Infeasible'
  const others = onNode.filter(
    ({ metadata, status }) => metadata?.uid !== pod.metadata?.uid && !isTerminalPhase(status?.phase),
  )
  return fits([...wanted, ...others.flatMap(allocated)], allocatable) ? 'Fits' : 'Deferred'
}

/** What a pod's containers have, which is not yet what they should have while a resize waits. */
function allocated({ spec, status }: Pod): (ResourceRequirements | undefined)[] {
  return (spec?.containers ?? []).map(({ name, resources }) => {
    return status?.containerStatuses?.find((one) => one.name === name)?.resources ?? resources
  })
}

function fits(all: readonly (ResourceRequirements | undefined)[], allocatable: Allocatable): boolean {
  return (
    requested(all, 'cpu', cpuMillicores) <= allocatable.cpuMillicores &&
    requested(all, 'memory', memoryBytes) <= allocatable.memoryBytes
  )
}

/** What is limited counts as requested where nothing else is said. */
function requested(
  all: readonly (ResourceRequirements | undefined)[],
  resource: 'cpu' | 'memory',
  read: (text: string) => number,
): number {
  return all
    .map((resources) => resources?.requests?.[resource] ?? resources?.limits?.[resource])
    .reduce((total, amount) => total + (amount === undefined ? 0 : read(amount)), 0)
}
