/**
 * Is this node alive? Its kubelet renews a Lease every ten seconds; a node whose Lease and status stand still for
 * longer than the grace period is taken for dead.
 *
 * Guarantee: only changes count, timed by our own clock. What time the kubelet writes into its Lease is never compared
 * with ours: a machine with a wrong clock is not a dead machine.
 * Source: kubernetes `pkg/controller/nodelifecycle/node_lifecycle_controller.go` (tryUpdateNodeHealth), KEP-589.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Lease, Node, NodeCondition } from '#kit/api/objects.ts'

export interface Heartbeat {
  /** What was seen: it has no meaning beyond being the same or another. */
  readonly seen: string
  /** When, by our clock, it was first seen so. */
  readonly sinceMs: number
}

/**
 * What we know after another look at a node. Signs of life are the Lease's `renewTime` and the `lastHeartbeatTime` of
 * the node's condition Ready; if either differs from last time, or there was no last time, the node was alive just now.
 *
 * @lab 4.6 Notice signs of life
 */
export function observeHeartbeat(
  before: Heartbeat | undefined,
  node: Node,
  lease: Lease | undefined,
  nowMs: number,
): Heartbeat {
  throw new NotImplemented(
    '4.6',
    'observeHeartbeat',
    'Notice signs of life',
    'labs/04-controllers/src/nodes/heartbeat.ts',
  )
}

/**
 * The conditions about which nobody knows anything when the kubelet is silent, in the order in which missing ones are
 * added.
 */
const REPORTED_BY_KUBELET = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

/**
 * The node's conditions when it has been silent for longer than `graceMs`: those in `REPORTED_BY_KUBELET` become
 * Unknown, with reason `NodeStatusUnknown` and message `Kubelet stopped posting node status.`; `lastTransitionTime` is
 * now, `lastHeartbeatTime` stays. One that never was there is added with reason `NodeStatusNeverUpdated`, `Kubelet
 * never posted node status.` and the node's creation as last heartbeat. Undefined when the node is not silent, or all
 * are Unknown already.
 *
 * @lab 4.6 Say that nothing is known
 */
export function conditionsWhenSilent(
  node: Node,
  heartbeat: Heartbeat,
  nowMs: number,
  graceMs: number,
): NodeCondition[] | undefined {
  throw new NotImplemented(
    '4.6',
    'conditionsWhenSilent',
    'Say that nothing is known',
    'labs/04-controllers/src/nodes/heartbeat.ts',
  )
}

/** Given. */
export function nodeCondition(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type)
}
