/**
 * What every stub throws: a part that the learner has not written yet.
 *
 * Generated stubs throw it, the lab runner shows it as "not begun" (which is not the same as "wrong"), and a running
 * cluster turns it into a clear answer (the API server: a 501 `Status`) instead of a crash.
 */
export class NotImplemented extends Error {
  override readonly name = 'NotImplemented'
  /** The step of the lab, such as "3.2". */
  readonly step: string
  /** The function or method to write, such as `fitsResources` or `Raft.step`. */
  readonly symbol: string
  /** What the step asks for, in a few words. */
  readonly task: string
  /** Where to write it, from the repository's root: `labs/03-scheduler/src/filters/resources.ts`. */
  readonly file: string

  constructor(step: string, symbol: string, task: string, file: string) {
    super(`not implemented yet: ${file}, \`${symbol}\` (step ${step}: ${task})`)
    this.step = step
    this.symbol = symbol
    this.task = task
    this.file = file
  }
}

/** True also for a NotImplemented that crossed a process or worker boundary and lost its class. */
export function isNotImplemented(error: unknown): error is NotImplemented {
  return error instanceof Error && error.name === 'NotImplemented'
}
