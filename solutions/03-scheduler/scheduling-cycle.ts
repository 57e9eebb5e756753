/**
 * One scheduling cycle: a pod and a snapshot of the nodes in, a decision out. Nothing else goes in or out, so the same input
 * gives the same decision on every machine, and a thousand recorded situations can be replayed in a second.
 *
 *     all nodes ──filters──▶ feasible nodes ──scores × weights──▶ totals ──▶ one of the best
 *
 * Source: kube-scheduler `pkg/scheduler/schedule_one.go` (schedulePod, prioritizeNodes, selectHost).
 */
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, NodeRejection, SchedulingDecision, ScoreCard } from '#kit/contracts/scheduling.ts'
import { fitErrorMessage } from './fit-error.ts'
import { FILTERS, SCORES } from './registry.ts'

/**
 * Chooses a node for the pod: the only feasible one, or one with the highest total. Without a feasible node the decision says
 * why, in the words of `fitErrorMessage`.
 *
 * @param tieBreak a number in [0, 1), drawn by the caller, that chooses among the best (`pickNode`)
 *
 * @lab 3.7 Decide about one pod
 */
export function schedulePod(pod: Pod, nodes: readonly NodeInfo[], tieBreak: number): SchedulingDecision {
  const { feasible, rejections } = findFeasibleNodes(pod, nodes)
  const [only, ...others] = feasible
  if (!only) return { scheduled: false, message: fitErrorMessage(pod, rejections), rejections }
  if (others.length === 0) return { scheduled: true, nodeName: only.name }
  const scores = scoreNodes(pod, feasible, nodes)
  return { scheduled: true, nodeName: pickNode(scores, tieBreak), scores }
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
  const filters = FILTERS.map((plugin) => ({ plugin: plugin.name, filter: plugin.forPod(pod, nodes) }))
  const feasible: NodeInfo[] = []
  const rejections: NodeRejection[] = []
  for (const node of nodes) {
    const rejection = firstRejection(node)
    if (rejection) rejections.push(rejection)
    else feasible.push(node)
  }
  return { feasible, rejections }

  function firstRejection(node: NodeInfo): NodeRejection | undefined {
    for (const { plugin, filter } of filters) {
      const result = filter(node)
      if (!result.fits) {
        return { node: node.name, plugin, reasons: result.reasons, evictionMayHelp: result.evictionMayHelp }
      }
    }
    return undefined
  }
}

/**
 * Lets every score plugin of the registry judge the feasible nodes; multiplies by its weight, and adds up. Plugins without an
 * opinion are left out of the card.
 *
 * @lab 3.7 Weigh the scores
 */
export function scoreNodes(pod: Pod, feasible: readonly NodeInfo[], all: readonly NodeInfo[]): ScoreCard {
  const byPlugin: Record<string, readonly number[]> = {}
  const totals = feasible.map(() => 0)
  for (const { plugin, weight } of SCORES) {
    const weighted = plugin.score(pod, feasible, all)?.map((score) => score * weight)
    if (!weighted) continue
    byPlugin[plugin.name] = weighted
    for (const [position, score] of weighted.entries()) totals[position]! += score
  }
  return { nodes: feasible.map(({ name }) => name), byPlugin, totals }
}

/**
 * One of the nodes with the highest total. Each of them is equally likely: with n of them, `tieBreak` in [0, 1/n) takes the
 * first, [1/n, 2/n) the second, and so on. Always taking the first would pile pods up on one node.
 *
 * @lab 3.7 Choose among the best
 */
export function pickNode({ nodes, totals }: ScoreCard, tieBreak: number): string {
  const highest = totals.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const best = nodes.filter((_, position) => totals[position] === highest)
  return best[Math.floor(tieBreak * best.length)]!
}
