/**
 * Plugins count in units of their own (weights, taints, pods). Before they are weighed against each other, their numbers are
 * brought to one scale, 0 to 100.
 *
 * Source: kube-scheduler `framework/plugins/helper/normalize_score.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'


/** The best score. */
export const MAX_SCORE = 100

/**
 * Scales so that the highest number becomes 100, and 0 stays 0; fractions are cut off. With `lowestIsBest` the result is turned
 * round: 0 becomes 100, the highest becomes 0. When all are 0, all become 0, or 100 with `lowestIsBest`.
 *
 * @lab 3.6 Bring scores to one scale
 */
export function normalizeScores(counts: readonly number[], lowestIsBest = false): number[] {
  throw new NotImplemented(
    '3.6',
    'normalizeScores',
    'Bring scores to one scale',
    'labs/03-scheduler/src/scores/normalize.ts',
  )
}
