/** What a replay has found, for people and for programs. */
import type { Paint } from '../cli/terminal/paint.ts'
import type { Comparison, Replay } from './replay.ts'

export interface ReportOptions {
  readonly paint: Paint
  /** Every difference, the accepted ones too. */
  readonly verbose: boolean
}

/** Of a command with many differences the first say most. */
const MAX_LINES = 6
const MAX_WIDTH = 200

/** A line per command, and below it what differs. */
export function reportLine(
  { number, command, unexpected, accepted }: Comparison,
  { paint, verbose }: ReportOptions,
): string {
  const mark = unexpected.length > 0 ? paint.bad('✗') : accepted.length > 0 ? paint.open('≈') : paint.good('✓')
  const lines = [`${mark} ${String(number).padStart(3)}  ${command}`]
  const shown = verbose ? unexpected : unexpected.slice(0, MAX_LINES)
  for (const { where, text } of shown) lines.push(`       ${paint.bad(where)} ${verbose ? text : shortened(text)}`)
  const hidden = unexpected.length - shown.length
  if (hidden > 0) lines.push(paint.quiet(`       … and ${hidden} more (--only ${number} --verbose)`))
  if (verbose) {
    for (const { difference, reason } of accepted) {
      lines.push(
        paint.quiet(`       ${difference.where} ${difference.text}`),
        paint.quiet(`         accepted: ${reason}`),
      )
    }
  }
  return `${lines.join('\n')}\n`
}

function shortened(text: string): string {
  return text.length > MAX_WIDTH ? `${text.slice(0, MAX_WIDTH)}…` : text
}

export function reportSummary({ comparisons, outdated }: Replay, paint: Paint): string {
  const wrong = comparisons.filter(({ unexpected }) => unexpected.length > 0)
  const tolerated = comparisons.filter(({ unexpected, accepted }) => unexpected.length === 0 && accepted.length > 0)
  const same = comparisons.length - wrong.length - tolerated.length
  const lines = [
    '',
    `${comparisons.length} commands: ${same} the same, ${tolerated.length} with accepted differences only, ${wrong.length} with unexpected ones`,
    ...outdated.map(({ reason, text }) =>
      paint.open(`No longer occurs, and need not be accepted: ${text} (${reason})`),
    ),
  ]
  return `${lines.join('\n')}\n`
}

export function reportJson({ comparisons, outdated }: Replay): string {
  const commands = comparisons.map(({ number, command, unexpected, accepted, ours }) => {
    return { number, command, unexpected, accepted, exit: ours.exit, stdout: ours.stdout, stderr: ours.stderr }
  })
  const ok = comparisons.every(({ unexpected }) => unexpected.length === 0)
  return `${JSON.stringify({ ok, commands, outdated: outdated.map(({ text, reason }) => ({ text: String(text), reason })) }, null, 2)}\n`
}
