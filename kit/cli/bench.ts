/**
 * `npm run bench -- <name|all> [--quick] [--json] [--out FILE] [--mine LABS]`: speed on this machine, beside the real thing.
 *
 * Exit code: 0 when everything was measured or skipped (targets missed are no failure), 1 when a benchmark failed, 2 for a
 * wrong command line, 130 after Ctrl-C.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine } from '../bench/machine.ts'
import { selectBenchmarks } from '../bench/registry.ts'
import { jsonOf, markdownOf, type Page } from '../bench/report.ts'
import { runBenchmarks } from '../bench/run-benchmarks.ts'
import { removeLeftovers } from '../bench/stand.ts'
import { parseMine } from './import-conditions.ts'
import { createProgressLine } from './terminal/progress-line.ts'
import { UsageError } from './usage-error.ts'

try {
  process.exitCode = await bench(process.argv.slice(2))
} catch (error) {
  if (!isUsageError(error)) throw error
  console.error(error.message)
  process.exitCode = 2
}

async function bench(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      out: { type: 'string' },
      mine: { type: 'string' },
    },
  })
  if (positionals.length > 1) throw new UsageError('One name at a time: npm run bench -- etcd, or npm run bench -- all')
  const benchmarks = selectBenchmarks(positionals[0])
  checkMine(values.mine)

  const machine = describeMachine()
  const signal = abortedByCtrlC()
  await removeLeftovers()
  const progress = createProgress()
  const { quick, mine } = values
  const outcomes = await runBenchmarks(benchmarks, { quick, mine, signal, progress: progress.show })
  progress.clear()

  const page: Page = { at: new Date().toISOString(), quick, machine, outcomes }
  const text = values.json ? `${JSON.stringify(jsonOf(page), null, 2)}\n` : markdownOf(page)
  process.stdout.write(text)
  if (values.out) writeFileSync(values.out, text)
  if (signal.aborted) return 130
  return outcomes.some(({ status }) => status === 'failed') ? 1 : 0
}

function checkMine(mine: string | undefined): void {
  try {
    parseMine(mine)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** The first Ctrl-C ends the benchmarks in order, the second at once. */
function abortedByCtrlC(): AbortSignal {
  const controller = new AbortController()
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130)
    console.error('\nStopping, and removing what was started …')
    controller.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  return controller.signal
}

/** On standard error, so that the page can be piped. A line that changes on a terminal, a line for each step elsewhere. */
function createProgress() {
  const line = createProgressLine(process.stderr)
  return {
    show(benchmark: string, what: string) {
      if (process.stderr.isTTY) line.show(`${benchmark}: ${what}`)
      else console.error(`${benchmark}: ${what}`)
    },
    clear: () => line.clear(),
  }
}

function isUsageError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  return error.name === 'UsageError' || String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
}
