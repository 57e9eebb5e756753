/**
 * The program that runs in a pristine tree: `judge-lab.ts 3` judges every step of lab 3 and writes one line of JSON for each
 * to file descriptor 3 as soon as it is known.
 *
 * In this first form the tests run in processes that import the submission's code, so a submission that sets out to cheat can.
 */
import { writeSync } from 'node:fs'
import { readCatalog, repositoryRoot } from '../kit/labs/catalog.ts'
import { judgeStep } from '../kit/labs/outcome.ts'
import { readParts } from '../kit/labs/parts.ts'
import { createLabRunner } from '../kit/labs/run-labs.ts'
import type { JudgedStep } from './judge.ts'

const REPORT = 3
/** A blocked process is given up sooner than for a learner, who may be in a debugger. */
const STUCK_AFTER_MS = 15_000

const number = Number(process.argv[2])
const lab = readCatalog().find((each) => each.number === number)
if (!lab) throw new Error(`there is no lab ${process.argv[2]}`)

const runner = await createLabRunner([{ lab, steps: lab.steps }], { stuckAfterMs: STUCK_AFTER_MS })
await runner.run({
  stepEnded(run) {
    const { status, step, tests, shown, problem } = judgeStep(run, (each) => readParts(repositoryRoot, lab, each))
    const judged: JudgedStep = {
      step: step.id,
      status,
      passed: tests.filter((test) => test.state === 'passed').length,
      total: tests.length,
      detail: problem?.message ?? (shown ? `${shown.title}: ${shown.failure?.message ?? ''}` : ''),
    }
    writeSync(REPORT, `${JSON.stringify(judged)}\n`)
    return true
  },
})
// A test process in an endless loop would keep this one waiting; whoever started the group ends what is left of it.
process.exit(0)
