/**
 * `npm run lab`: all labs and steps with their progress, which always comes from the tests.
 *
 * A lab whose files are the generated stubs has not been begun; the gate proves that every step of it fails, so running
 * its tests would say nothing new.
 */
import { pageWidth, spread } from '../cli/terminal/layout.ts'
import { createPaint, wantsColours } from '../cli/terminal/paint.ts'
import { createProgressLine } from '../cli/terminal/progress-line.ts'
import { compareStubs, generateStubTree } from '../stubs/stub-tree.ts'
import type { Lab } from './catalog.ts'
import { earned, labHeading, points, stepLine, summary } from './lab-report.ts'
import { judgeStep, type StepOutcome, type StepRun } from './outcome.ts'
import { readParts } from './parts.ts'
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
  for (const lab of labs) {
    const outcomes = untouched(root, lab) ?? cache.read(lab)
    if (outcomes) known.set(lab, outcomes)
  }
  const open = labs.filter((lab) => !known.has(lab))
  if (open.length > 0) {
    const line = createProgressLine(process.stdout)
    const runner = await createRunner(open.map((lab) => ({ lab, steps: lab.steps })))
    const judge = (run: StepRun) => judgeStep(run, (step) => readParts(root, run.lab, step))
    await runner.run({
      progress: (lab, step, done) => line.show(`  running lab ${lab.number}, step ${step.id}: ${done} tests done`),
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
    for (const lab of open) cache.write(lab, known.get(lab) ?? [])
  }
  return labs.flatMap((lab) => known.get(lab) ?? [])
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
  const next = outcomes.find((outcome) => outcome.status !== 'passed' && !outcome.step.star)
  lines.push(
    next
      ? `  Next   ${paint.link(`npm run guide ${next.lab.number}`)} to read, ${paint.link(`npm run lab ${next.step.id}`)} to try: ${next.step.title}`
      : `  ${paint.good('Every step passes.')} ${paint.link('npm start -- --mine all')} boots the cluster that you built.`,
    '',
  )
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** The outcomes of a lab that nobody has edited, or undefined. */
function untouched(root: string, lab: Lab): StepOutcome[] | undefined {
  const { edited, outdated, leftover } = compareStubs(root, generateStubTree(root, lab.name))
  if (edited.length + outdated.length + leftover.length > 0) return undefined
  return lab.steps.map((step) => ({ lab, step, tests: [], status: 'not begun', parts: readParts(root, lab, step) }))
}
