/**
 * What a run of tests says about a step: plain data, made from any test runner's results and printed by `report.ts`.
 *
 * A step that was not begun is not a wrong one: its failures only say "not implemented yet", and there is nothing to
 * explain but what to write.
 */
import type { Lesson } from '../testing/lesson.ts'
import type { Lab, Step } from './catalog.ts'

export interface SourceLine {
  /** From the root. */
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface TestFailure {
  /** `AssertionError`, `TypeError`, … */
  readonly name: string
  readonly message: string
  /** Printed values of a comparison; only assertions have them. */
  readonly expected?: string | undefined
  readonly actual?: string | undefined
  /** Lines that start with `-` (expected) and `+` (received). */
  readonly diff?: string | undefined
  /** The innermost line of the lab's `src` that the error passed through. */
  readonly code?: SourceLine | undefined
  /** The line of the test. */
  readonly test?: SourceLine | undefined
}

export interface TestOutcome {
  readonly title: string
  readonly state: 'passed' | 'failed' | 'skipped'
  readonly lesson?: Lesson | undefined
  readonly seed?: number | undefined
  /** A page that shows what happened, from the root. */
  readonly trace?: string | undefined
  readonly failure?: TestFailure | undefined
  /** What the code printed while this test ran. */
  readonly output: readonly string[]
}

/** What came back from the step's test files, in their order. */
export interface StepRun {
  readonly lab: Lab
  readonly step: Step
  readonly tests: readonly TestOutcome[]
  /** The test file or what it imports does not load, or an error escaped every test. */
  readonly problem?: TestFailure | undefined
}

/** A tagged symbol that still is as the stub left it, or no longer. */
export interface Part {
  readonly symbol: string
  readonly task: string
  readonly file: string
  readonly written: boolean
}

export type StepStatus =
  | 'passed'
  /** No part of it has been written. */
  | 'not begun'
  /** Some parts are written, and the tests only miss the others. */
  | 'begun'
  | 'wrong'
  /** The code does not load, or no test was found. */
  | 'broken'
  /** All its tests need a tool that this machine lacks. */
  | 'skipped'

export interface StepOutcome extends StepRun {
  readonly status: StepStatus
  /** The test to show; only a `wrong` step has one. */
  readonly shown?: TestOutcome | undefined
  /** Known when the step did not pass. */
  readonly parts: readonly Part[]
}

/**
 * @param partsOf asked only when the step did not pass
 */
export function judgeStep(run: StepRun, partsOf: (step: Step) => readonly Part[]): StepOutcome {
  const failed = run.tests.filter((test) => test.state === 'failed')
  const passed = run.tests.filter((test) => test.state === 'passed')
  if (failed.length === 0 && !run.problem) {
    if (passed.length > 0) return { ...run, status: 'passed', parts: [] }
    if (run.tests.length > 0) return { ...run, status: 'skipped', parts: [] }
    const problem = { name: 'Error', message: `no test was found in ${run.step.tests.join(', ')}` }
    return { ...run, status: 'broken', parts: [], problem }
  }
  const parts = partsOf(run.step)
  const unwritten = parts.filter((part) => !part.written)
  if (unwritten.length > 0 && unwritten.length === parts.length) return { ...run, status: 'not begun', parts }
  const wrong = failed.find((test) => !readNotImplemented(test.failure))
  if (wrong) return { ...run, status: 'wrong', parts, shown: wrong }
  if (run.problem && !readNotImplemented(run.problem)) return { ...run, status: 'broken', parts }
  return { ...run, status: 'begun', parts, shown: failed[0] }
}

/** What a failure says is missing, wherever in its message that stands. */
export function readNotImplemented(
  failure: TestFailure | undefined,
): { file: string; symbol: string; step: string } | undefined {
  const match = /not implemented yet: (\S+), `([^`]+)` \(step (\d+\.\d+)/.exec(failure?.message ?? '')
  return match ? { file: match[1]!, symbol: match[2]!, step: match[3]! } : undefined
}
