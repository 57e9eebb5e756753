/**
 * Prefers nodes that do not advise against this pod: counts the `PreferNoSchedule` taints that it does not tolerate.
 *
 * Source: kube-scheduler `plugins/tainttoleration` (Score).
 */
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { tolerates } from '../tolerations.ts'
import { normalizeScores } from './normalize.ts'

export const taintTolerationScore: ScorePlugin = {
  name: 'TaintToleration',
  score: (pod, feasible) =>
    normalizeScores(
      feasible.map((node) => untoleratedAdvice(pod, node)),
      true,
    ),
}

/**
 * How many `PreferNoSchedule` taints of the node the pod does not tolerate.
 *
 * @lab 3.6 Count the taints that advise against a node
 */
export function untoleratedAdvice(pod: Pod, node: NodeInfo): number {
  const advice = (node.node.spec?.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule')
  return advice.filter((taint) => !tolerates(pod, taint)).length
}
