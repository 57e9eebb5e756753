/**
 * Prefers nodes that the pod's preferred node affinity speaks for. Without such preferences it has no opinion.
 *
 * Source: kube-scheduler `plugins/nodeaffinity` (Score).
 */
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { termMatches } from '../node-selector.ts'
import { normalizeScores } from './normalize.ts'

export const nodeAffinityScore: ScorePlugin = {
  name: 'NodeAffinity',
  score(pod, feasible) {
    if (preferencesOf(pod).length === 0) return undefined
    return normalizeScores(feasible.map((node) => preferenceWeight(pod, node)))
  },
}

/**
 * The weights of all preferred terms (`preferredDuringSchedulingIgnoredDuringExecution`) that match the node, added up.
 *
 * @lab 3.6 Add up what the pod's preferences say
 */
export function preferenceWeight(pod: Pod, node: NodeInfo): number {
  const matching = preferencesOf(pod).filter(({ preference }) => termMatches(preference, node.node))
  return matching.reduce((sum, { weight }) => sum + weight, 0)
}

function preferencesOf(pod: Pod) {
  return pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
}
