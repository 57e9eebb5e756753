/**
 * The words that the scheduler's parts share: what a node has to give, what a plugin may answer, what a decision looks like.
 * All of it is plain data, except the two plugin types, which are the rows of the scheduler's registry.
 *
 * Source: kube-scheduler `pkg/scheduler/framework/types.go`, `interface.go`.
 */
import type { Node, Pod } from '../api/objects.ts'

/** Amounts by resource name. `cpu` is in millicores; memory and storage are in bytes; all others (pods, GPUs) in pieces. */
export type ResourceAmounts = Readonly<Record<string, number>>

/** A port of the node itself that a container asked for. `hostIP` "0.0.0.0" means every address. */
export interface HostPort {
  readonly hostIP: string
  readonly protocol: string
  readonly hostPort: number
}

/** A node and what runs there, with the sums that filters and scores need, so that they need not add up every time. */
export interface NodeInfo {
  readonly name: string
  readonly node: Node
  /** Pods on this node, those included whose binding is only assumed. */
  readonly pods: readonly Pod[]
  /** What the node offers to pods; `pods` is how many may run there. */
  readonly allocatable: ResourceAmounts
  /** What its pods have asked for. */
  readonly requested: ResourceAmounts
  /** As `requested`, with the default amounts for containers that ask for nothing. Scores use it, filters never. */
  readonly requestedForScoring: ResourceAmounts
  readonly usedPorts: readonly HostPort[]
}

/** A pod in the scheduling queue, and what the queue must remember about it between attempts. */
export interface QueuedPod {
  readonly pod: Pod
  /** Attempts so far; the one that follows `pop` is counted. */
  readonly attempts: number
  /** When it became pending, or last failed. Milliseconds since the Unix epoch. */
  readonly sinceMs: number
  /** How many `moveAll` calls the queue had seen when the pod was popped. */
  readonly movesSeen: number
}

/** May the pod run on the node? If not: why, in upstream's words, and whether evicting other pods could change that. */
export type FilterResult =
  | { readonly fits: true }
  | { readonly fits: false; readonly reasons: readonly string[]; readonly evictionMayHelp: boolean }

/** A rule that a node must keep. One file per plugin; the registry lists them in order. */
export interface FilterPlugin {
  readonly name: string
  /**
   * Called once per attempt with all nodes, so that a plugin that must look at the whole cluster does so once; what it
   * returns is then asked node by node.
   */
  forPod(pod: Pod, nodes: readonly NodeInfo[]): (node: NodeInfo) => FilterResult
}

/** A preference among nodes that all fit. */
export interface ScorePlugin {
  readonly name: string
  /**
   * One score from 0 to 100 per feasible node, in their order, already normalised; `undefined` when the plugin has no opinion
   * about this pod.
   */
  score(pod: Pod, feasible: readonly NodeInfo[], all: readonly NodeInfo[]): readonly number[] | undefined
}

/** A score plugin, and how much its points count. */
export interface WeightedScore {
  readonly plugin: ScorePlugin
  readonly weight: number
}

/** A node that some filter turned down. */
export interface NodeRejection {
  readonly node: string
  /** The first filter that said no; later ones were not asked. */
  readonly plugin: string
  readonly reasons: readonly string[]
  readonly evictionMayHelp: boolean
}

/** Scores of the feasible nodes: `byPlugin[name][i]` and `totals[i]` belong to `nodes[i]`, and are weighted. */
export interface ScoreCard {
  readonly nodes: readonly string[]
  readonly byPlugin: Readonly<Record<string, readonly number[]>>
  readonly totals: readonly number[]
}

/** What one scheduling cycle decides. */
export type SchedulingDecision =
  | {
      readonly scheduled: true
      readonly nodeName: string
      /** Absent when only one node was feasible: there was nothing to weigh. */
      readonly scores?: ScoreCard | undefined
    }
  | {
      readonly scheduled: false
      /** Upstream's FitError text, as `kubectl describe pod` shows it. */
      readonly message: string
      readonly rejections: readonly NodeRejection[]
    }
