/**
 * `npm run lab`: all labs and steps with their progress, which always comes from the tests.
 *
 * A step all of whose parts still are as the stubs have them has not been begun; the gate proves that its tests fail then, so
 * running them would say nothing new.
 */
import { padEnd, pageWidth, spread } from '../cli/terminal/layout.ts'
import { createPaint, type Paint, wantsColours } from '../cli/terminal/paint.ts'
import { createProgressLine } from '../cli/terminal/progress-line.ts'
import type { Lab } from './catalog.ts'
import { earned, labHeading, points, stepLine, summary } from './lab-report.ts'
import { judgeStep, type StepOutcome, type StepRun } from './outcome.ts'
import { readLabParts, readParts } from './parts.ts'
import { createResultCache } from './result-cache.ts'
import type { LabRunner, LabSteps } from './run-labs.ts'

/** Judges every step of every lab. */
export async function judgeAll(
  root: string,
  labs: readonly Lab[],
  createRunner: (selection: readonly LabSteps[]) => Promise<LabRunner>,
): Promise<StepOutcome[]> {
  const cache = createResultCache(root)
  const known = new Map<Lab, StepOutcome[]>()
  const open: LabSteps[] = []
  for (const lab of labs) {
    const untouched = notBegun(root, lab)
    const begun = lab.steps.filter((step) => untouched.every((outcome) => outcome.step !== step))
    known.set(lab, begun.length === 0 ? untouched : (cache.read(lab) ?? untouched))
    if (known.get(lab)!.length < lab.steps.length) open.push({ lab, steps: begun })
  }
  if (open.length > 0) {
    const line = createProgressLine(process.stdout)
    const runner = await createRunner(open)
    const judge = (run: StepRun) => judgeStep(run, (step) => readParts(root, run.lab, step))
    await runner.run({
      progress: (lab, step, done) => line.show(`  running lab ${lab.number}, step ${step.id}: ${done} tests done`),
      silent: (step, test) => line.show(`  step ${step.id}: an endless loop? ${test ?? 'while loading its tests'}`),
      stepEnded(run) {
        known.set(run.lab, [...(known.get(run.lab) ?? []), judge(run)])
        return true
      },
      errorEscaped(run) {
        const others = (known.get(run.lab) ?? []).map((outcome) => (outcome.step === run.step ? judge(run) : outcome))
        known.set(run.lab, others)
      },
    })
    await runner.close()
    line.clear()
    for (const { lab } of open) cache.write(lab, inOrder(lab, known.get(lab) ?? []))
  }
  return labs.flatMap((lab) => inOrder(lab, known.get(lab) ?? []))
}

function inOrder(lab: Lab, outcomes: readonly StepOutcome[]): StepOutcome[] {
  return outcomes.toSorted((a, b) => lab.steps.indexOf(a.step) - lab.steps.indexOf(b.step))
}

export function printOverview(labs: readonly Lab[], outcomes: readonly StepOutcome[]): void {
  const paint = createPaint(wantsColours(process.stdout))
  const width = pageWidth(process.stdout)
  const lines = ['']
  for (const lab of labs) {
    const own = outcomes.filter((outcome) => outcome.lab === lab)
    const maximum = lab.steps.reduce((sum, step) => sum + step.points, 0)
    lines.push(spread(labHeading(lab, paint), paint.quiet(`${earned(own)} of ${points(maximum)}`), width - 2))
    for (const outcome of own) {
      const right = outcome.status === 'passed' ? points(outcome.step.points) : summary(outcome)
      lines.push(stepLine(outcome.step, outcome.status === 'not begun' ? '' : right, outcome.status, paint, width))
    }
    lines.push('')
  }
  lines.push(...nextLines(outcomes, paint), '')
  process.stdout.write(`${lines.join('\n')}\n`)
}

function nextLines(outcomes: readonly StepOutcome[], paint: Paint): string[] {
  const next = nextStep(outcomes)
  if (!next) {
    return [
      `  ${paint.good('Every step passes.')} ${paint.link('npm start -- --mine all')} boots the cluster that you built.`,
    ]
  }
  const commands = [`npm run lab ${next.step.id}`, `npm run guide ${next.step.id}`]
  const [lab, guide] = commands.map((command) => padEnd(paint.link(command), 20))
  return [`  Next   ${lab} ${next.step.title}`, `         ${guide} to read about it`]
}

/** Where to go on: the first open step of a lab that is begun, else of the first lab. Steps that go deeper are optional. */
export function nextStep(outcomes: readonly StepOutcome[]): StepOutcome | undefined {
  const open = outcomes.filter(({ status, step }) => status !== 'passed' && !step.star)
  const begun = new Set(outcomes.filter(({ status }) => status !== 'not begun').map(({ lab }) => lab))
  return open.find(({ lab }) => begun.has(lab)) ?? open[0]
}

/** The outcomes of the steps of which nothing is written yet. */
function notBegun(root: string, lab: Lab): StepOutcome[] {
  const parts = readLabParts(root, lab)
  return lab.steps.flatMap((step) => {
    const own = parts.filter((part) => part.step === step.id)
    if (own.length === 0 || own.some((part) => part.written)) return []
    return [{ lab, step, tests: [], status: 'not begun' as const, parts: own }]
  })
}
