/**
 * One look at a node, and one at a pod on a tainted node. Given; their parts are written in step 4.6.
 *
 * A dead node in order: conditions Unknown, its pods not ready (so Services leave them), taint NoSchedule, taint
 * NoExecute, and after the pods' tolerations the pods are deleted, which makes their ReplicaSets replace them
 * elsewhere.
 */
import type { Lease, Node, Pod, Stored } from '#kit/api/objects.ts'
import type { Action, Decision } from '#kit/contracts/controllers.ts'
import { isReady } from '../pods.ts'
import { evictionTimeMs } from './eviction.ts'
import { conditionsWhenSilent, type Heartbeat, nodeCondition, observeHeartbeat } from './heartbeat.ts'
import { wantedTaints } from './taints.ts'

export interface NodeWorld {
  readonly node: Stored<Node>
  /** In kube-node-lease, by the node's name. */
  readonly lease: Stored<Lease> | undefined
  /** On this node. */
  readonly pods: readonly Stored<Pod>[]
  /** From the look before. */
  readonly heartbeat: Heartbeat | undefined
  /** No node of the cluster is ready. */
  readonly noneReady: boolean
  readonly nowMs: number
  readonly graceMs: number
}

export function reconcileNode(world: NodeWorld): Decision & { heartbeat: Heartbeat } {
  const { node, nowMs } = world
  const heartbeat = observeHeartbeat(world.heartbeat, node, world.lease, nowMs)
  const conditions = conditionsWhenSilent(node, heartbeat, nowMs, world.graceMs)
  if (conditions) {
    const object: Stored<Node> = { ...node, status: { ...node.status, conditions } }
    const message = `Node ${node.metadata.name} status is now: NodeNotReady`
    const note = { about: node, type: 'Normal', reason: 'NodeNotReady', message } as const
    const wasReady = nodeCondition(node, 'Ready')?.status === 'True'
    const update = { do: 'update', resource: 'nodes', subresource: 'status', object } as const
    return { heartbeat, actions: [wasReady ? { ...update, onSuccess: note } : update] }
  }
  const taints = wantedTaints(node, world.noneReady, nowMs)
  return {
    heartbeat,
    actions: [
      ...(nodeCondition(node, 'Ready')?.status === 'Unknown' ? markNotReady(world.pods, nowMs) : []),
      ...(taints ? [taintPatch(node, taints)] : []),
    ],
  }
}

/** Pods of a node of which nothing is known: their kubelet cannot say so itself. */
function markNotReady(pods: readonly Stored<Pod>[], nowMs: number): Action[] {
  const lastTransitionTime = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
  return pods.filter(isReady).map((pod) => ({
    do: 'patch',
    resource: 'pods',
    subresource: 'status',
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    type: 'application/strategic-merge-patch+json',
    patch: {
      metadata: { uid: pod.metadata.uid },
      status: { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime }] },
    },
    onSuccess: { about: pod, type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready' },
  }))
}

/** The list as a whole, valid only for the node that was read: somebody else may be tainting it too. */
function taintPatch(node: Stored<Node>, taints: readonly object[]): Action {
  const { name, resourceVersion } = node.metadata
  return {
    do: 'patch',
    resource: 'nodes',
    name,
    type: 'application/strategic-merge-patch+json',
    patch: { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } },
  }
}

export interface EvictionWorld {
  readonly pod: Stored<Pod>
  readonly node: Stored<Node> | undefined
  /** When the pod was first seen under its node's present taints. */
  readonly seenMs: number
  readonly nowMs: number
}

export function reconcileEviction({ pod, node, seenMs, nowMs }: EvictionWorld): Decision {
  if (!node || pod.metadata.deletionTimestamp) return { actions: [] }
  const dueMs = evictionTimeMs(pod, node.spec?.taints ?? [], seenMs)
  if (dueMs === undefined) return { actions: [] }
  if (dueMs > nowMs) return { actions: [], requeueAfterMs: dueMs - nowMs }
  const { namespace, name, uid } = pod.metadata
  const disrupted = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
  }
  const message = `Marking for deletion Pod ${namespace}/${name}`
  return {
    actions: [
      { do: 'note', note: { about: pod, type: 'Normal', reason: 'TaintManagerEviction', message } },
      {
        do: 'patch',
        resource: 'pods',
        subresource: 'status',
        namespace,
        name,
        type: 'application/strategic-merge-patch+json',
        patch: { metadata: { uid }, status: { conditions: [disrupted] } },
      },
      { do: 'delete', resource: 'pods', namespace, name, options: { preconditions: { uid } } },
    ],
  }
}
