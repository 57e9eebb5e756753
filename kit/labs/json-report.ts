/** What `--json` prints: the same outcomes, for scripts. */
import { guideSection } from './catalog.ts'
import { earned } from './lab-report.ts'
import type { StepOutcome } from './outcome.ts'

export function jsonReport(outcomes: readonly StepOutcome[]): unknown {
  const labs = [...new Set(outcomes.map((outcome) => outcome.lab))]
  return {
    ok: outcomes.every((outcome) => outcome.status === 'passed'),
    labs: labs.map((lab) => {
      const own = outcomes.filter((outcome) => outcome.lab === lab)
      return {
        lab: lab.number,
        name: lab.name,
        title: lab.title,
        points: earned(own),
        maxPoints: lab.steps.reduce((sum, step) => sum + step.points, 0),
        steps: own.map(jsonStep),
      }
    }),
  }
}

function jsonStep(outcome: StepOutcome): unknown {
  const { lab, step, status, tests, shown, problem, parts } = outcome
  const count = (state: string) => tests.filter((test) => test.state === state).length
  return {
    step: step.id,
    title: step.title,
    star: step.star,
    status,
    points: status === 'passed' ? step.points : 0,
    maxPoints: step.points,
    tests: { passed: count('passed'), failed: count('failed'), skipped: count('skipped') },
    guide: guideSection(lab, step),
    ...(shown && {
      failure: {
        test: shown.title,
        ...shown.lesson,
        seed: shown.seed,
        trace: shown.trace,
        ...shown.failure,
        output: shown.output,
      },
    }),
    ...(problem && { problem }),
    ...(parts.length > 0 && { parts }),
  }
}
