/**
 * What a learner still has to write before the cluster can do its work: found in the components' logs, where every part
 * that is missing leaves a line "not implemented yet: labs/…".
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs'

export interface MissingPart {
  readonly component: string
  /** "not implemented yet: labs/03-scheduler/src/queue.ts, `SchedulingQueue.pop` (step 3.1: …)" */
  readonly sentence: string
  /** "3.1" */
  readonly step: string
}

/** As NotImplemented says it; the task may itself have words in parentheses. */
const SENTENCE = /not implemented yet: labs\/\S+, `[^`]+` \(step (\d+\.\d+): [^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)/g

/** Every different missing part that the text speaks of, in order of appearance. */
export function missingPartsIn(component: string, log: string): MissingPart[] {
  const found = new Map<string, MissingPart>()
  for (const [sentence, step = ''] of log.matchAll(SENTENCE)) found.set(sentence, { component, sentence, step })
  return [...found.values()]
}

/** Where a log ends now: what a component says later comes after it. */
export function logEnd(file: string): number {
  try {
    return statSync(file).size
  } catch {
    return 0
  }
}

/** What was written to the log since `offset`, at most its last megabyte. */
export function readLogSince(file: string, offset: number): string {
  const end = logEnd(file)
  const start = Math.max(offset, end - 1_048_576)
  if (end <= start) return ''
  const bytes = Buffer.alloc(end - start)
  const handle = openSync(file, 'r')
  try {
    readSync(handle, bytes, 0, bytes.length, start)
  } finally {
    closeSync(handle)
  }
  return bytes.toString('utf8')
}
