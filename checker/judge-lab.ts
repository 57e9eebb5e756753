/**
 * The program that runs in a pristine tree: `judge-lab.ts 3 15000` judges every step of lab 3 and writes one line of JSON for each
 * to file descriptor 3 as soon as it is known. The second number says after how many milliseconds without a sign of life code
 * is given up as blocked.
 *
 * In this first form the tests run in processes that import the submission's code, so a submission that sets out to cheat can.
 */
import { writeSync } from 'node:fs'
import { readCatalog, repositoryRoot } from '../kit/labs/catalog.ts'
import { judgeStep, type StepRun } from '../kit/labs/outcome.ts'
import { readParts } from '../kit/labs/parts.ts'
import { createLabRunner } from '../kit/labs/run-labs.ts'
import type { JudgedStep } from './judge.ts'

const REPORT = 3

const [number, stuckAfterMs] = process.argv.slice(2).map(Number)
const lab = readCatalog().find((each) => each.number === number)
if (!lab) throw new Error(`there is no lab ${process.argv[2]}`)

function judge(run: StepRun): JudgedStep {
  const { status, step, tests, shown, problem } = judgeStep(run, (each) => readParts(repositoryRoot, run.lab, each))
  return {
    step: step.id,
    status,
    passed: tests.filter((test) => test.state === 'passed').length,
    total: tests.length,
    detail: problem?.message ?? (shown ? `${shown.title}: ${shown.failure?.message ?? ''}` : ''),
  }
}

// One run for each step, so that code which blocks its process costs no other step.
for (const step of lab.steps) {
  const runner = await createLabRunner([{ lab, steps: [step] }], { stuckAfterMs })
  let last: StepRun | undefined
  await runner.run({
    stepEnded(run) {
      last = run
      return true
    },
    errorEscaped(run) {
      last = run
    },
  })
  if (last) writeSync(REPORT, `${JSON.stringify(judge(last))}\n`)
  await runner.close()
}
// Whoever started this process group ends what a submission may have left running in it.
process.exit(0)
