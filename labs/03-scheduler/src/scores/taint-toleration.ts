/**
 * Prefers nodes that do not advise against this pod: counts the `PreferNoSchedule` taints that it does not tolerate.
 *
 * Source: kube-scheduler `plugins/tainttoleration` (Score).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
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
  throw new NotImplemented(
    '3.6',
    'untoleratedAdvice',
    'Count the taints that advise against a node',
    'labs/03-scheduler/src/scores/taint-toleration.ts',
  )
}
