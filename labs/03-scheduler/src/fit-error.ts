/**
 * The sentence that everybody who has used Kubernetes has read: why a pod fits nowhere.
 *
 *     0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {dedicated: db}. preemption: 0/3 nodes are
 *     available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.
 *
 * Source: kube-scheduler `framework/types.go` (FitError), `framework/preemption/preemption.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeRejection } from '#kit/contracts/scheduling.ts'

/**
 * The whole message: the summary of all reasons, then "preemption:" with the verdict on making room by force. In a cluster
 * without nodes: "no nodes available to schedule pods".
 *
 * This scheduler does not preempt (yet), so for nodes where eviction could help it says that it found no victims. A pod with
 * `preemptionPolicy: Never` gets "preemption: not eligible due to preemptionPolicy=Never." instead.
 *
 * @param rejections one for each node of the cluster
 *
 * @lab 3.7 Say why a pod fits nowhere
 */
export function fitErrorMessage(pod: Pod, rejections: readonly NodeRejection[]): string {
  throw new NotImplemented('3.7', 'fitErrorMessage', 'Say why a pod fits nowhere', 'labs/03-scheduler/src/fit-error.ts')
}

/**
 * "0/<nodes> nodes are available: <count> <reason>, <count> <reason>." Each reason once with the number of nodes that gave it,
 * sorted as text: upstream sorts the finished "<count> <reason>" parts, so 10 comes before 2.
 *
 * @param reasonsByNode the reasons of each node; one node may have several
 *
 * @lab 3.7 Count the reasons
 */
export function summarize(reasonsByNode: readonly (readonly string[])[]): string {
  throw new NotImplemented('3.7', 'summarize', 'Count the reasons', 'labs/03-scheduler/src/fit-error.ts')
}
