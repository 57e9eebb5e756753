/**
 * `npm run checker -- <checkout…> [--format table|json] [--out DIR] [--timeout SECONDS]`: grades checkouts.
 *
 * Exit code: 0 when all were graded, whatever their points; 1 when one could not be; 2 for a wrong command line.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gradeAll } from '../../checker/grade.ts'
import { processIsolation } from '../../checker/isolate.ts'
import { jsonOf, tableOf, writeReports } from '../../checker/report.ts'
import { readCatalog, repositoryRoot } from '../labs/catalog.ts'
import { createPaint, wantsColours } from './terminal/paint.ts'
import { UsageError } from './usage-error.ts'

const OUTPUT_BYTES = 16 * 1024 * 1024
/** Sooner than for a learner, who may be in a debugger; longer than any honest test takes without a word. */
const STUCK_AFTER_MS = 20_000

export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      format: { type: 'string', default: 'table' },
      out: { type: 'string' },
      timeout: { type: 'string', default: '120' },
    },
  })
  if (positionals.length === 0)
    throw new UsageError('Which checkouts? For instance: npm run checker -- ../submissions/*')
  if (!['table', 'json'].includes(values.format)) throw new UsageError('--format is table or json')
  const seconds = Number(values.timeout)
  if (!(seconds > 0)) throw new UsageError('--timeout is a number of seconds, for each lab of a submission')

  const grades = await gradeAll(
    positionals.map((path) => resolve(path)),
    {
      root: repositoryRoot,
      labs: readCatalog(),
      isolation: processIsolation,
      bounds: { timeoutMs: seconds * 1000, stuckAfterMs: STUCK_AFTER_MS, outputBytes: OUTPUT_BYTES },
      progress: (message) => console.error(message),
    },
  )
  if (values.format === 'json') console.log(JSON.stringify(jsonOf(grades, processIsolation), null, 2))
  else console.log(tableOf(grades, createPaint(wantsColours(process.stdout))))
  if (values.out) writeReports(resolve(values.out), grades, processIsolation)
  return grades.every((grade) => grade.status === 'graded') ? 0 : 1
}
