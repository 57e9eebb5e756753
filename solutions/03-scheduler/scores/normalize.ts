/**
 * Plugins count in units of their own (weights, taints, pods). Before they are weighed against each other, their numbers are
 * brought to one scale, 0 to 100.
 *
 * Source: kube-scheduler `framework/plugins/helper/normalize_score.go`.
 */

/** The best score. */
export const MAX_SCORE = 100

/**
 * Scales so that the highest number becomes 100, and 0 stays 0; fractions are cut off. With `lowestIsBest` the result is turned
 * round: 0 becomes 100, the highest becomes 0. When all are 0, all become 0, or 100 with `lowestIsBest`.
 *
 * @lab 3.6 Bring scores to one scale
 */
export function normalizeScores(counts: readonly number[], lowestIsBest = false): number[] {
  const highest = counts.reduce((a, b) => Math.max(a, b), 0)
  return counts.map((count) => {
    const scaled = highest === 0 ? 0 : Math.floor((count * MAX_SCORE) / highest)
    return lowestIsBest ? MAX_SCORE - scaled : scaled
  })
}
