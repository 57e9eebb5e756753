/** The lines that list labs and steps with what the tests said about them. */
import { indent, spread, wrap } from '../cli/terminal/layout.ts'
import type { Paint } from '../cli/terminal/paint.ts'
import type { Lab, Step } from './catalog.ts'
import { printed, reportFailure } from './failure-report.ts'
import type { StepOutcome, StepStatus } from './outcome.ts'
import { STUCK_AFTER_MS } from './signs-of-life.ts'

export function labHeading(lab: Lab, paint: Paint): string {
  return `  ${paint.strong(`Lab ${lab.number} · ${lab.title}`)}`
}

/** One line: mark, id, title, and at the right edge what there is to know. */
export function stepLine(
  step: Step,
  right: string,
  status: StepStatus | undefined,
  paint: Paint,
  width: number,
): string {
  const title = `${step.title}${step.star ? ' ★' : ''}`
  const named = `${step.id.padEnd(4)} ${title}`
  const text = status === undefined ? paint.quiet(named) : named
  return spread(`  ${mark(status, paint)} ${text}`, paint.quiet(right), width - 2)
}

export interface ReportOptions {
  /** Show what the code printed even though the step passes. */
  readonly showOutput?: boolean
  readonly watching?: boolean
  /** Lines to put between the step's line and what is said about it, so that the failure comes last. */
  readonly following?: readonly string[]
}

/** The step's line, and below it what a step that did not pass needs said. */
export function stepReport(
  outcome: StepOutcome,
  paint: Paint,
  width: number,
  { showOutput = false, watching = false, following = [] }: ReportOptions = {},
): string[] {
  const line = stepLine(outcome.step, summary(outcome), outcome.status, paint, width)
  const output = outcome.tests.flatMap((test) => test.output)
  if (goesOn(outcome)) {
    return showOutput && output.length > 0 ? [line, '', ...indent(printed(output, paint), 6)] : [line]
  }
  return [line, ...following, '', ...indent(reportFailure(outcome, paint, width - 8, watching), 6)]
}

/** Whether the next step is run after this one. */
export function goesOn({ status }: Pick<StepOutcome, 'status'>): boolean {
  return status === 'passed' || status === 'skipped'
}

/** While code blocks its worker: what it was in the middle of, and the ways out. */
export function silenceReport(
  test: string | undefined,
  silentMs: number,
  watching: boolean,
  paint: Paint,
  width: number,
): string[] {
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`
  const where = test === undefined ? 'loading the test file' : `in "${test}"`
  const wayOut = watching
    ? 'Save to start over, q to quit.'
    : `Ctrl-C to stop${Number.isFinite(STUCK_AFTER_MS) ? `; it is given up after ${seconds(STUCK_AFTER_MS)}` : ''}.`
  const text = `still ${where} after ${seconds(silentMs)}: an endless loop? ${wayOut}`
  return ['', ...indent(wrap(text, width - 8), 6).map(paint.open), '']
}

/** What stands at the right edge of a step's line. */
export function summary(outcome: Pick<StepOutcome, 'status' | 'tests' | 'step' | 'parts'>): string {
  const passed = outcome.tests.filter((test) => test.state === 'passed').length
  const skipped = outcome.tests.filter((test) => test.state === 'skipped').length
  switch (outcome.status) {
    case 'passed':
      return `${count(passed, 'test')}${skipped > 0 ? `, ${skipped} skipped` : ''}   ${points(outcome.step.points)}`
    case 'not begun':
      return 'not begun'
    case 'skipped':
      return 'not judged: needs a tool that is not here (npm run doctor)'
    case 'broken':
      return 'does not run'
    case 'begun':
      return outcome.parts.length > 0
        ? `${outcome.parts.filter((part) => part.written).length} of ${outcome.parts.length} parts written`
        : 'begun'
    case 'wrong':
      return `${passed} of ${outcome.tests.length - skipped} tests pass`
  }
}

/** Points are given for steps that pass as a whole. */
export function earned(outcomes: readonly Pick<StepOutcome, 'status' | 'step'>[]): number {
  return outcomes.filter((each) => each.status === 'passed').reduce((sum, each) => sum + each.step.points, 0)
}

export function points(amount: number): string {
  return count(amount, 'point')
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}

function mark(status: StepStatus | undefined, paint: Paint): string {
  switch (status) {
    case 'passed':
      return paint.good('✔')
    case 'wrong':
    case 'broken':
      return paint.bad('✖')
    case 'not begun':
    case 'begun':
      return paint.open('○')
    case 'skipped':
      return paint.open('↷')
    default:
      return paint.quiet('·')
  }
}
