/**
 * `npm run lab [-- 3 | 3.2] [--watch] [--json]`: runs the tests of a lab or a step.
 *
 * Without a number: the map of all labs and steps. `--watch` runs again as you save. `--json` is for scripts.
 * Exit code: 0 when what was asked for passes (the map: always), 1 when not, 2 for a wrong command line.
 */
import { parseArgs } from 'node:util'
import { readCatalog, repositoryRoot as root } from '../labs/catalog.ts'
import { jsonReport } from '../labs/json-report.ts'
import { runLabOnce } from '../labs/lab-session.ts'
import type { StepOutcome } from '../labs/outcome.ts'
import { judgeAll, printOverview } from '../labs/overview.ts'
import { createLabRunner } from '../labs/run-labs.ts'
import { select } from '../labs/selection.ts'
import { watchLab } from '../labs/watch.ts'
import { UsageError } from './usage-error.ts'

export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { watch: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
  })
  // `npm run lab 3 --watch`: npm keeps what stands before a `--` for itself, and tells.
  const watch = values.watch || process.env.npm_config_watch === 'true'
  const json = values.json || process.env.npm_config_json === 'true'
  const labs = readCatalog()
  const [word, ...more] = positionals
  if (more.length > 0) throw new UsageError('One lab or step at a time: npm run lab 3, or npm run lab 3.2')
  if (!word) {
    if (watch) throw new UsageError('Which lab? For instance: npm run lab 3 -- --watch')
    const outcomes = await judgeAll(root, labs, createLabRunner)
    if (json) printJson(outcomes)
    else printOverview(labs, outcomes)
    return 0
  }

  const { lab, step } = select(labs, word)
  const steps = step ? [step] : lab.steps
  if (watch) return watchLab(root, lab, steps)
  const runner = await createLabRunner([{ lab, steps }])
  const outcomes = await runLabOnce(runner, { root, lab, steps, print: !json })
  if (json) printJson(outcomes)
  // The verdict stands; what Vitest still has to tidy up need not keep anyone waiting.
  const passed = outcomes.length === steps.length && outcomes.every((outcome) => outcome.status === 'passed')
  await runner.close()
  return passed ? 0 : 1
}

function printJson(outcomes: readonly StepOutcome[]): void {
  process.stdout.write(`${JSON.stringify(jsonReport(outcomes), null, 2)}\n`)
}
