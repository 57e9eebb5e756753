/**
 * One run of a lab as learners see it: steps in order, up to the first that does not pass.
 */
import { pageWidth } from '../cli/terminal/layout.ts'
import { createPaint, wantsColours } from '../cli/terminal/paint.ts'
import { createProgressLine } from '../cli/terminal/progress-line.ts'
import type { Lab, Step } from './catalog.ts'
import { earned, goesOn, labHeading, points, silenceReport, stepLine, stepReport } from './lab-report.ts'
import { judgeStep, type StepOutcome, type StepRun } from './outcome.ts'
import { readParts } from './parts.ts'
import type { LabRunner } from './run-labs.ts'

export interface SessionOptions {
  readonly root: string
  readonly lab: Lab
  /** The steps to run, in order. */
  readonly steps: readonly Step[]
  /** False for `--json`. */
  readonly print: boolean
  /** The learner is watching: the run comes again by itself, and keys stand for commands. */
  readonly watching?: boolean
}

/** Runs and prints. Returns the outcomes of the steps that were judged. */
export async function runLabOnce(runner: LabRunner, options: SessionOptions): Promise<StepOutcome[]> {
  const { root, lab, steps, watching = false } = options
  const out = process.stdout
  const paint = createPaint(wantsColours(out))
  const width = pageWidth(out)
  const line = createProgressLine(out)
  const say = (lines: readonly string[]) => {
    if (options.print) out.write(`${lines.join('\n')}\n`)
  }
  const outcomes: StepOutcome[] = []

  say(['', labHeading(lab, paint), ''])
  if (options.print && steps[0]) line.show(stepLine(steps[0], 'running', undefined, paint, width))
  const judge = (run: StepRun) => judgeStep(run, (step) => readParts(root, lab, step))
  const ended = await runner.run({
    progress(_, __, testsDone) {
      const step = steps[outcomes.length]
      if (options.print && step) line.show(stepLine(step, `running, ${testsDone} tests done`, undefined, paint, width))
    },
    silent(_, test, silentMs) {
      line.clear()
      say(silenceReport(test, silentMs, watching, paint, width))
    },
    stepEnded(run) {
      line.clear()
      const outcome = judge(run)
      outcomes.push(outcome)
      const following = steps.slice(outcomes.length).map((step) => stepLine(step, '', undefined, paint, width))
      say(stepReport(outcome, paint, width, { showOutput: steps.length === 1, watching, following }))
      return goesOn(outcome)
    },
    errorEscaped(run) {
      const at = outcomes.findIndex((outcome) => outcome.step === run.step)
      if (outcomes[at]?.status !== 'passed') return
      line.clear()
      outcomes[at] = judge(run)
      say(['', ...stepReport(outcomes[at], paint, width, { watching })])
    },
  })
  line.clear()
  if (ended === 'stopped') return outcomes
  say(['', ...closing(options, outcomes).map((text) => `  ${text}`), ''])
  return outcomes

  function closing({ steps: asked }: SessionOptions, seen: readonly StepOutcome[]): string[] {
    const maximum = asked.reduce((sum, step) => sum + step.points, 0)
    const score = `${earned(seen)} of ${points(maximum)}`
    if (!seen.every((outcome) => outcome.status === 'passed') || seen.length < asked.length) {
      return asked.length > 1 ? [paint.quiet(score)] : []
    }
    if (asked.length === 1) {
      const next = lab.steps[lab.steps.indexOf(asked[0]!) + 1]
      const [key, command, what] = next
        ? ['n', `npm run lab ${next.id}`, next.title]
        : ['a', `npm run lab ${lab.number}`, 'the whole lab']
      return [`${paint.good(`Step ${asked[0]!.id} passes.`)}   Next: ${paint.link(watching ? key : command)}  ${what}`]
    }
    return [
      `${paint.good(`All ${asked.length} steps pass:`)} ${score}.`,
      `${paint.link(`npm start -- --mine ${lab.number}`)} boots the cluster on your own ${lab.title}.`,
    ]
  }
}
