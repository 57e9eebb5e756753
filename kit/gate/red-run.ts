/**
 * The first red run, checked: on the generated stubs every step fails, and its failures name the step and every symbol
 * that the step asks for. A symbol that no test calls would be a part that nobody has to write.
 *
 * The stubs come straight from the generator, so a learner's edits in `labs/NN/src` make no difference.
 */
import { join } from 'node:path'
import type { Lab, Step } from '../labs/catalog.ts'
import { readNotImplemented, type StepRun } from '../labs/outcome.ts'
import { createLabRunner } from '../labs/run-labs.ts'
import type { Task } from '../stubs/generate-stub.ts'
import { generateStubTree } from '../stubs/stub-tree.ts'

export interface RedStep {
  readonly step: string
  readonly tests: number
  readonly failed: number
  /** What is wrong with this step's red run; empty when it is as it should be. */
  readonly problems: readonly string[]
}

/** Long enough for a real socket, short enough for a test that waits for what a stub never does. */
const TEST_TIMEOUT_MS = 4_000

/** @param chosen which steps to run */
export async function redRun(root: string, labs: readonly Lab[], chosen: (step: Step) => boolean): Promise<RedStep[]> {
  const trees = labs.map((lab) => ({ lab, tree: generateStubTree(root, lab.name) }))
  const texts = new Map(
    trees.flatMap(({ lab, tree }) =>
      [...tree.files].map(([path, text]) => [join(root, 'labs', lab.name, 'src', path), text] as const),
    ),
  )
  const selection = labs
    .map((lab) => ({ lab, steps: lab.steps.filter(chosen).map(withoutDocker) }))
    .filter(({ steps }) => steps.length > 0)
  const runner = await createLabRunner(selection, {
    root,
    testTimeoutMs: TEST_TIMEOUT_MS,
    plugins: [{ name: 'stubs', enforce: 'pre', load: (id) => texts.get(id.split('?')[0]!) }],
  })
  const results: RedStep[] = []
  await runner.run({
    stepEnded(run) {
      const tasks = trees.find(({ lab }) => lab === run.lab)?.tree.tasks ?? []
      results.push(checkRed(run, tasks))
      return true
    },
  })
  await runner.close()
  return results
}

/** @param tasks all parts of the lab */
export function checkRed(run: StepRun, tasks: readonly Task[]): RedStep {
  const { step, tests, problem } = run
  const failed = tests.filter((test) => test.state === 'failed')
  const named = failed.map((test) => readNotImplemented(test.failure)).filter((missing) => missing !== undefined)
  const own = tasks.filter((task) => task.step === step.id)
  const problems: string[] = []
  if (problem) problems.push(`its tests do not run on the stubs: ${problem.message}`)
  if (tests.length === 0) problems.push('no test was collected')
  else if (failed.length === 0) problems.push('it passes on the stubs')
  if (own.length === 0) problems.push(`no symbol is tagged @lab ${step.id}`)
  for (const { symbol } of own) {
    if (!named.some((missing) => missing.step === step.id && missing.symbol === symbol)) {
      problems.push(`no test fails with the NotImplemented of ${symbol}`)
    }
  }
  return { step: step.id, tests: tests.length, failed: failed.length, problems }
}

/** Docker tests say no more about a stub than the others, and take their time to say it. */
function withoutDocker(step: Step): Step {
  return { ...step, tests: step.tests.filter((test) => !test.endsWith('.docker.test.ts')) }
}
