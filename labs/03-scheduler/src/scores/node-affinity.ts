/**
 * Prefers nodes that the pod's preferred node affinity speaks for. Without such preferences it has no opinion.
 *
 * Source: kube-scheduler `plugins/nodeaffinity` (Score).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
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
  throw new NotImplemented(
    '3.6',
    'preferenceWeight',
    "Add up what the pod's preferences say",
    'labs/03-scheduler/src/scores/node-affinity.ts',
  )
}

function preferencesOf(pod: Pod) {
  return pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
}
