/**
 * `npm run compat -- --against FILE [--only 19,35] [--verbose] [--json] [--mine LABS]`: the real kubectl against our cluster, compared with what it
 * did against another.
 *
 * FILE holds transcripts, one JSON object a line: `command`, `stdin`, `exit` (a number, or "timeout" for what had to be ended), `stdout`, `stderr`, and
 * `http`, a list of `method`, `url`, `accept`, `contentType`, `status`, `responseType`, `response`. COMPAT_TRANSCRIPTS names it as well.
 *
 * All commands are given in their order to a control plane in memory with two nodes that only pretend. Compared are exit code, output and the API
 * server's answers, without what differs between any two clusters: identities, times, generated names, addresses. kit/compat/accepted.ts lists the
 * differences that may stay, and why. --only compares these lines of the file alone (the commands before them are given nevertheless). --verbose
 * shows every difference, the accepted ones too; --json prints all as JSON.
 *
 * Exit code: 0 when nothing unexpected differs, 1 when something does, 2 for a wrong command line, 130
 * after Ctrl-C.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { replay } from '../compat/replay.ts'
import { reportJson, reportLine, reportSummary } from '../compat/report.ts'
import { readTranscripts, type Transcript } from '../compat/transcript.ts'
import { createLog, silentLog } from '../contracts/log.ts'
import { hasTool } from '../testing/tools.ts'
import { parseMine } from './import-conditions.ts'
import { createPaint, wantsColours } from './terminal/paint.ts'
import { UsageError } from './usage-error.ts'

try {
  process.exitCode = await compat(process.argv.slice(2))
} catch (error) {
  if (!isUsageError(error)) throw error
  console.error(error.message)
  process.exitCode = 2
}

async function compat(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      against: { type: 'string', default: process.env.COMPAT_TRANSCRIPTS ?? '' },
      only: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      mine: { type: 'string' },
    },
  })
  parseMine(values.mine)
  if (values.against === '')
    throw new UsageError('Which transcripts? npm run compat -- --against FILE (--help says what is in it)')
  if (!existsSync(values.against)) throw new UsageError(`There is no file ${values.against}.`)
  if (!hasTool('kubectl')) throw new UsageError('This needs kubectl; npm run doctor says how to get it.')
  const paint = createPaint(wantsColours(process.stdout))
  const { verbose, json } = values
  const signal = abortedByCtrlC()
  const result = await replay({
    transcripts: transcriptsIn(values.against),
    signal,
    only: values.only === undefined ? undefined : numbersOf(values.only),
    log: verbose ? createLog('compat') : silentLog,
    onComparison: (comparison) => {
      if (!json) process.stdout.write(reportLine(comparison, { paint, verbose }))
    },
  })
  process.stdout.write(json ? reportJson(result) : reportSummary(result, paint))
  if (signal.aborted) return 130
  return result.comparisons.some(({ unexpected }) => unexpected.length > 0) ? 1 : 0
}

function transcriptsIn(path: string): Transcript[] {
  try {
    return readTranscripts(path)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** The first Ctrl-C ends the replay in order, the second at once. */
function abortedByCtrlC(): AbortSignal {
  const controller = new AbortController()
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  return controller.signal
}

/** "19,35-37" */
function numbersOf(text: string): Set<number> {
  const numbers = text.split(',').flatMap((part) => {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? []
    if (from === undefined) throw new UsageError(`--only wants line numbers such as 19 or 35-37, not "${part}"`)
    const [first, last] = [Number(from), Number(to ?? from)]
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
  })
  return new Set(numbers)
}

function isUsageError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  return error.name === 'UsageError' || String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
}
