/**
 * `node kit/cli/start.mjs red [3 | 3.2] [--json]`: does every step fail on the stubs as it should?
 *
 * For those who write labs; `npm test` runs it as well.
 */
import { parseArgs } from 'node:util'
import { redRun } from '../gate/red-run.ts'
import { readCatalog, repositoryRoot } from '../labs/catalog.ts'
import { select } from '../labs/selection.ts'

export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  })
  const labs = readCatalog()
  const selections = positionals.map((word) => select(labs, word))
  const results = await redRun(
    repositoryRoot,
    labs,
    (step) =>
      selections.length === 0 ||
      selections.some((selection) => (selection.step ? selection.step === step : selection.lab.steps.includes(step))),
  )
  if (values.json) console.log(JSON.stringify(results))
  for (const { step, tests, failed, problems } of values.json ? [] : results) {
    const verdict = problems.length === 0 ? 'as it should' : problems.join('\n      ')
    console.log(`${step.padEnd(5)} ${failed} of ${tests} tests fail: ${verdict}`)
  }
  return results.every((result) => result.problems.length === 0) ? 0 : 1
}
