/**
 * How much of a node a pod claims. Not what it uses, and not its limits: what it *requests* is what it is guaranteed.
 *
 * Ordinary init containers run one after the other, before the app containers, so at any moment only one of them needs its share:
 * the pod needs the larger of "the biggest init container" and "all app containers together". Sidecars (init containers with
 * `restartPolicy: Always`) stay: they count beside the app containers, and beside every init container that starts after them.
 *
 * Source: kubernetes `pkg/api/v1/resource/helpers.go` (PodRequests), KEP-753 (sidecars).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Container, Pod } from '#kit/api/objects.ts'
import type { ResourceAmounts } from '#kit/contracts/scheduling.ts'

/**
 * What scores assume for a container that requests nothing: 100 millicores and 200 MiB. Otherwise a thousand such pods would
 * look as cheap as none, and would all land on one node.
 */
export const SCORING_DEFAULTS: ResourceAmounts = { cpu: 100, memory: 200 * 1024 * 1024 }

/**
 * The pod's effective requests: the larger of what its app containers and sidecars need together, and what its init phase needs
 * at its peak; plus `spec.overhead`.
 *
 * @param defaults for each container, used for the resources that it does not name
 *
 * @lab 3.2 Add up what a pod claims
 */
export function podRequests(pod: Pod, defaults: ResourceAmounts = {}): ResourceAmounts {
  throw new NotImplemented('3.2', 'podRequests', 'Add up what a pod claims', 'labs/03-scheduler/src/pod-requests.ts')
}

/** An init container that keeps running beside the app. */
function isSidecar(container: Container): boolean {
  return (container as { restartPolicy?: string }).restartPolicy === 'Always'
}
