/**
 * `npm run soak -- etcd [--seeds 5000] [--from N] [--jobs 2] [--json] [--mine LABS]`: the same trial with one seed after another.
 *
 * It ends at the first seed that breaks a rule, with the seed, what happened, a page to look at and the command to see it again. The same seed is
 * the same run, always.
 *
 * Exit code: 0 when every seed went well, 1 when one did not, 2 for a wrong command line, 130 after Ctrl-C.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { selectTarget } from '../soak/registry.ts'
import { runSeeds, type SoakPlan, type SoakResult } from '../soak/run-seeds.ts'
import { parseMine } from './import-conditions.ts'
import { createProgressLine } from './terminal/progress-line.ts'
import { UsageError } from './usage-error.ts'

/** Where nobody watches a line change, so many lines for a whole run. */
const LINES_ELSEWHERE = 10

try {
  process.exitCode = await soak(process.argv.slice(2))
} catch (error) {
  if (!isUsageError(error)) throw error
  console.error(error.message)
  process.exitCode = 2
}

async function soak(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean', default: false },
      mine: { type: 'string' },
    },
  })
  if (positionals.length > 1) throw new UsageError('One target at a time: npm run soak -- etcd')
  const target = selectTarget(positionals[0])
  checkMine(values.mine)
  const signal = abortedByCtrlC()
  const range = {
    target: target.name,
    from: wholeNumber('--from', values.from),
    seeds: wholeNumber('--seeds', values.seeds ?? String(target.seeds)),
    jobs: wholeNumber('--jobs', values.jobs),
  }
  const progress = createProgress(range)
  const result = await runSeeds({ ...range, signal, onSeed: progress.show })
  progress.clear()
  process.stdout.write(values.json ? `${JSON.stringify(jsonOf(range, result), null, 2)}\n` : textOf(range, result))
  if (result.finding) return 1
  return signal.aborted ? 130 : 0
}

type Range = Pick<SoakPlan, 'target' | 'from' | 'seeds' | 'jobs'>

function textOf({ target, from, seeds, jobs }: Range, { passed, finding, totalMs }: SoakResult): string {
  const seconds = (totalMs / 1000).toFixed(1)
  const each = ((totalMs * jobs) / Math.max(1, passed)).toFixed(1)
  const pace = `${seconds} s, ${each} ms of one processor each`
  const upTo = `seeds ${from} to ${from + seeds - 1}`
  if (!finding) return `${target}: ${passed} of ${seeds} seeds went well (${upTo}; ${pace})\n`
  const lines = [
    `${target}: seed ${finding.seed} broke a rule, after ${passed} that went well (${pace})`,
    '',
    ...finding.sentence.split('\n').map((line) => `  ${line}`),
    '',
    ...(finding.page ? [`  Look at it   ${finding.page}`] : []),
    `  Replay it    ${finding.replay}`,
  ]
  return `${lines.join('\n')}\n`
}

function jsonOf(range: Range, { passed, finding, totalMs }: SoakResult): object {
  const msPerSeed = (totalMs * range.jobs) / Math.max(1, passed)
  return { ok: !finding && passed === range.seeds, ...range, passed, totalMs, msPerSeed, ...(finding && { finding }) }
}

/** On standard error, so that what comes out can be piped. A line that changes on a terminal, a few lines elsewhere. */
function createProgress({ target, seeds }: Range) {
  const line = createProgressLine(process.stderr)
  const begunMs = performance.now()
  const step = Math.max(1, Math.ceil(seeds / LINES_ELSEWHERE))
  return {
    show(done: number) {
      const leftMs = ((performance.now() - begunMs) / done) * (seeds - done)
      const text = `${target}: ${done} of ${seeds} seeds went well, ${Math.ceil(leftMs / 1000)} s left`
      if (process.stderr.isTTY) line.show(text)
      else if (done % step === 0 && done < seeds) console.error(text)
    },
    clear: () => line.clear(),
  }
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 1) return number
  throw new UsageError(`${option} must be a whole number from 1 on, not "${text}"`)
}

function checkMine(mine: string | undefined): void {
  try {
    parseMine(mine)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** The first Ctrl-C ends the soak in order, the second at once. */
function abortedByCtrlC(): AbortSignal {
  const controller = new AbortController()
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  return controller.signal
}

function isUsageError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  return error.name === 'UsageError' || String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
}
