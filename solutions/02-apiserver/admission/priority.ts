/**
 * Priority: how important a pod is, as a number. A pod names a PriorityClass, or gets the one that is everybody's default,
 * and carries its number from then on, so nobody has to look the class up again.
 *
 * Source: kubernetes `plugin/pkg/admission/priority/admission.go`; `pkg/apis/scheduling/helpers.go` (the system's classes).
 */
import type { PodSpec, PriorityClass } from '#kit/api/objects.ts'

/** What the cluster itself is made of goes before anything that users may ask for. */
export const SYSTEM_CLASSES: readonly PriorityClass[] = [
  {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
]

/** @param found the class that the pod names, or else the default one, if there is any. */
export function withPriority(spec: PodSpec, found: PriorityClass | undefined): PodSpec {
  const name = found?.metadata?.name
  return {
    priority: found?.value ?? 0,
    preemptionPolicy: found?.preemptionPolicy ?? 'PreemptLowerPriority',
    ...spec,
    ...(name && { priorityClassName: name }),
  }
}

/** Of several defaults the lowest counts: two may be created at the same moment. */
export function defaultClass(classes: Iterable<PriorityClass>): PriorityClass | undefined {
  return [...classes].filter(({ globalDefault }) => globalDefault).sort((a, b) => a.value - b.value)[0]
}
