/**
 * Binding: how a scheduler puts a pod on a node. It may do this once, and nothing else to the pod.
 *
 * Source: kubernetes `pkg/registry/core/pod/storage/storage.go` (BindingREST).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiObject, Binding, Stored } from '#kit/api/objects.ts'

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
  throw new NotImplemented('2.10', 'bindPod', 'Bind a pod to a node', 'labs/02-apiserver/src/subresources/binding.ts')
}
