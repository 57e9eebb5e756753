/**
 * Differences that are known, and why they may stay.
 */
import type { Difference } from './compare.ts'

export interface AcceptedDifference {
  readonly where?: Difference['where']
  /** All commands when absent. */
  readonly command?: RegExp
  readonly text: RegExp
  readonly reason: string
}

export const ACCEPTED: readonly AcceptedDifference[] = [
  {
    where: 'http',
    text: /content type application\/json, not application\/vnd\.kubernetes\.protobuf/,
    reason: 'Answers are JSON, whatever else a client would take; all of them take JSON.',
  },
]
