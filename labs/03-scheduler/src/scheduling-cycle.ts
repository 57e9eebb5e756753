/**
 * One scheduling cycle: a pod and a snapshot of the nodes in, a decision out. Nothing else goes in or out, so the same input
 * gives the same decision on every machine, and a thousand recorded situations can be replayed in a second.
 *
 *     all nodes ──filters──▶ feasible nodes ──scores × weights──▶ totals ──▶ one of the best
 *
 * Source: kube-scheduler `pkg/scheduler/schedule_one.go` (schedulePod, prioritizeNodes, selectHost).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, NodeRejection, SchedulingDecision, ScoreCard } from '#kit/contracts/scheduling.ts'

/**
 * Chooses a node for the pod: the only feasible one, or one with the highest total. Without a feasible node the decision says
 * why, in the words of `fitErrorMessage`.
 *
 * @param tieBreak a number in [0, 1), drawn by the caller, that chooses among the best (`pickNode`)
 *
 * @lab 3.7 Decide about one pod
 */
export function schedulePod(pod: Pod, nodes: readonly NodeInfo[], tieBreak: number): SchedulingDecision {
  throw new NotImplemented('3.7', 'schedulePod', 'Decide about one pod', 'labs/03-scheduler/src/scheduling-cycle.ts')
}

/**
 * Asks the filters of the registry about every node, in their order, until the first one says no.
 *
 * @lab 3.7 Ask the filters
 */
export function findFeasibleNodes(
  pod: Pod,
  nodes: readonly NodeInfo[],
): { feasible: NodeInfo[]; rejections: NodeRejection[] } {
  throw new NotImplemented('3.7', 'findFeasibleNodes', 'Ask the filters', 'labs/03-scheduler/src/scheduling-cycle.ts')
}

/**
 * Lets every score plugin of the registry judge the feasible nodes; multiplies by its weight, and adds up. Plugins without an
 * opinion are left out of the card.
 *
 * @lab 3.7 Weigh the scores
 */
export function scoreNodes(pod: Pod, feasible: readonly NodeInfo[], all: readonly NodeInfo[]): ScoreCard {
  throw new NotImplemented('3.7', 'scoreNodes', 'Weigh the scores', 'labs/03-scheduler/src/scheduling-cycle.ts')
}

/**
 * One of the nodes with the highest total. Each of them is equally likely: with n of them, `tieBreak` in [0, 1/n) takes the
 * first, [1/n, 2/n) the second, and so on. Always taking the first would pile pods up on one node.
 *
 * @lab 3.7 Choose among the best
 */
export function pickNode({ nodes, totals }: ScoreCard, tieBreak: number): string {
  throw new NotImplemented('3.7', 'pickNode', 'Choose among the best', 'labs/03-scheduler/src/scheduling-cycle.ts')
}
