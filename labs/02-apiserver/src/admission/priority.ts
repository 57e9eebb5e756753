/**
 * Priority: how important a pod is, as a number. Without PriorityClasses all are the same, but for the two that the system
 * keeps for itself.
 *
 * Source: kubernetes `plugin/pkg/admission/priority/admission.go`.
 */
import type { PodSpec } from '#kit/api/objects.ts'

const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}

export function withPriority(spec: PodSpec): PodSpec {
  const priority = SYSTEM_CLASSES[spec.priorityClassName ?? ''] ?? 0
  return { priority, preemptionPolicy: 'PreemptLowerPriority', ...spec }
}
