/**
 * Binding: how a scheduler puts a pod on a node. It may do this once, and nothing else to the pod.
 *
 * Source: kubernetes `pkg/registry/core/pod/storage/storage.go` (BindingREST).
 */
import type { ApiObject, Binding, Pod, Stored } from '#kit/api/objects.ts'
import { conflict } from '../errors.ts'

/** How messages call the subresource. */
const BINDING = { group: '', plural: 'pods/binding' }

/**
 * The pod on the node that the binding's target names: `spec.nodeName`, the binding's annotations (they win) among the
 * pod's, and the condition PodScheduled=True since `now` (in place of an older PodScheduled).
 *
 * Two schedulers may have decided about the same pod. The second one gets a Conflict about "pods/binding": "pod web is
 * already assigned to node "node-1"". So does whoever binds a pod that is being deleted: "pod web is being deleted, cannot
 * be assigned to a host".
 *
 * The pod passed in must not be changed.
 *
 * @lab 2.10 Bind a pod to a node
 */
export function bindPod(object: Stored<ApiObject>, binding: Binding, now: string): ApiObject {
  const { metadata, spec, status } = object as Stored<Pod>
  const { name } = metadata
  if (metadata.deletionTimestamp) {
    throw conflict(BINDING, name, `pod ${name} is being deleted, cannot be assigned to a host`)
  }
  if (spec?.nodeName) throw conflict(BINDING, name, `pod ${name} is already assigned to node "${spec.nodeName}"`)

  const otherConditions = (status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled')
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now }
  const annotations = { ...metadata.annotations, ...binding.metadata?.annotations }
  return {
    ...object,
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...spec, nodeName: binding.target.name },
    status: { ...status, conditions: [...otherConditions, scheduled] },
  }
}
