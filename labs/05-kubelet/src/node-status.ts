/**
 * The node as the API server knows it: what the machine has, where it is reached, whether it is well. The scheduler places
 * pods by it, the API server dials by it, and when its heartbeat stops, its pods are given up.
 *
 * Two signals, for two purposes: the Node's status is big and says what changed; the Lease is tiny and says "alive".
 *
 * Source: kubernetes `pkg/kubelet/kubelet_node_status.go`, `pkg/kubelet/nodestatus/setters.go`,
 * component-helpers `apimachinery/lease`; KEP-589 (node leases).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Lease, Node, NodeCondition, Stored } from '#kit/api/objects.ts'

/** Facts about the machine. */
export interface Machine {
  /** The node's name. */
  readonly name: string
  readonly ip: string
  /** Addresses for this node's pods. */
  readonly podCidr: string
  /** Where the API server reaches the kubelet, at the node's address. */
  readonly kubeletPort: number
  readonly cpus: number
  readonly memoryBytes: number
  readonly diskBytes: number
  readonly machineId: string
  readonly bootId: string
  readonly kernelVersion: string
  readonly osImage: string
  /** "amd64", "arm64" */
  readonly architecture: string
  /** "docker://20.10.24" */
  readonly containerRuntimeVersion: string
}

export const KUBELET_VERSION = 'v1.32.0'

/**
 * The Node object that the kubelet creates when there is none:
 *
 * - labels `kubernetes.io/hostname`, `kubernetes.io/arch`, `kubernetes.io/os` ("linux"), and the last two also with the old
 *   prefix `beta.kubernetes.io/`; annotation `volumes.kubernetes.io/controller-managed-attach-detach: "true"`;
 * - spec: `podCIDR` and `podCIDRs`;
 * - status: `nodeResources`; the addresses `InternalIP` and `Hostname`, in this order; the kubelet's port under
 *   `daemonEndpoints.kubeletEndpoint.Port`; `nodeInfo` (its `systemUUID` is the machine id, `kubeProxyVersion` is
 *   `KUBELET_VERSION` too); and the conditions given.
 *
 * @lab 5.1 Describe the machine as a Node
 */
export function newNode(machine: Machine, conditions: readonly NodeCondition[]): Node {
  throw new NotImplemented('5.1', 'newNode', 'Describe the machine as a Node', 'labs/05-kubelet/src/node-status.ts')
}

/** How the node is: empty means well; otherwise why pods cannot run, as a message. */
export type NotReadyReasons = readonly string[]

/** What to say of each condition. The pressures are not measured here: no eviction yet. */
function verdicts(notReady: NotReadyReasons): Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>[] {
  return [
    {
      type: 'MemoryPressure',
      status: 'False',
      reason: 'KubeletHasSufficientMemory',
      message: 'kubelet has sufficient memory available',
    },
    {
      type: 'DiskPressure',
      status: 'False',
      reason: 'KubeletHasNoDiskPressure',
      message: 'kubelet has no disk pressure',
    },
    {
      type: 'PIDPressure',
      status: 'False',
      reason: 'KubeletHasSufficientPID',
      message: 'kubelet has sufficient PID available',
    },
    notReady.length === 0
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: `[${notReady.join(', ')}]` },
  ]
}

/**
 * The node's conditions now: one per verdict of `verdicts(notReady)`, in that order, each with `lastHeartbeatTime` now and
 * `lastTransitionTime` of the last change of its *status*: now if the previous condition of that type said otherwise or
 * there was none, else the previous one's. Conditions of other types belong to others and are kept, after ours.
 *
 * @lab 5.1 Keep the conditions
 */
export function nodeConditions(
  previous: readonly NodeCondition[],
  notReady: NotReadyReasons,
  nowMs: number,
): NodeCondition[] {
  throw new NotImplemented('5.1', 'nodeConditions', 'Keep the conditions', 'labs/05-kubelet/src/node-status.ts')
}

/** How long others may count on us after a renewal. */
export const LEASE_DURATION_SECONDS = 40

/**
 * The heartbeat: the Lease as it should be now. A new one (none exists yet) is named like the node, lies in namespace
 * `kube-node-lease`, and is owned by the Node, if that is known, so that it goes with it. An existing one keeps its
 * metadata and whatever else its spec has. Either way: holder is the node's name, the duration `LEASE_DURATION_SECONDS`,
 * and `renewTime` now, in microseconds: "2026-11-22T15:56:54.431000Z".
 *
 * @lab 5.1 Renew the lease
 */
export function renewedLease(
  existing: Lease | undefined,
  node: Pick<Stored<Node>, 'metadata'> | undefined,
  nodeName: string,
  nowMs: number,
): Lease {
  throw new NotImplemented('5.1', 'renewedLease', 'Renew the lease', 'labs/05-kubelet/src/node-status.ts')
}
