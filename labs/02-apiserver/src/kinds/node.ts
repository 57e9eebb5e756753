/** Nodes. Source: kubernetes `pkg/apis/core/v1/defaults.go` (SetDefaults_NodeStatus), `pkg/registry/core/node/strategy.go`. */
import type { ApiObject, Node } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { notSupported, required } from '../validation/field-errors.ts'

/** All of the capacity can be allocated, unless the kubelet says otherwise. */
export function applyNodeDefaults(draft: ApiObject): void {
  const { spec, status } = draft as Node
  draft.spec ??= {}
  if (spec?.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR]
  if (spec?.podCIDRs?.[0]) spec.podCIDR ??= spec.podCIDRs[0]
  if (status?.capacity) status.allocatable ??= { ...status.capacity }
}

export function validateNode(object: ApiObject): readonly FieldError[] {
  const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']
  return ((object as Node).spec?.taints ?? []).flatMap(({ key, effect }, i) => [
    ...(key ? [] : [required(`spec.taints[${i}].key`)]),
    ...(effects.includes(effect) ? [] : [notSupported(`spec.taints[${i}].effect`, effect, effects)]),
  ])
}

export function nodeFields(object: ApiObject): Record<string, string> {
  return { 'spec.unschedulable': String((object as Node).spec?.unschedulable ?? false) }
}
