/**
 * The ladder of hints: a nudge, the idea, nearly the code. Each call climbs one rung; how far someone has climbed is kept
 * in `.lab/hints.json`, and `npm run hint 3.2 -- --again` starts over.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { indent, pageWidth, wrap } from '../cli/terminal/layout.ts'
import { createPaint, type Paint, wantsColours } from '../cli/terminal/paint.ts'
import type { Lab, Step } from './catalog.ts'

const RUNGS = ['A nudge', 'The idea', 'Nearly the code']

/** Climbs one rung and returns the lines to print: all rungs so far, the newest last. */
export function nextHint(root: string, lab: Lab, step: Step, again = false): string[] {
  const paint = createPaint(wantsColours(process.stdout))
  const climbed = readClimbed(root)
  const rung = Math.min(again ? 1 : (climbed[step.id] ?? 0) + 1, step.hints.length)
  mkdirSync(join(root, '.lab'), { recursive: true })
  writeFileSync(hintsFile(root), `${JSON.stringify({ ...climbed, [step.id]: rung }, null, 2)}\n`)

  const left = step.hints.length - rung
  return [
    ...ladder(step, rung, paint),
    left > 0
      ? `  ${paint.quiet(`${left} more: `)}${paint.link(`npm run hint ${step.id}`)}`
      : `  ${paint.quiet('That is the whole ladder. The solution beside yours: ')}${paint.link(`npm run solution ${step.id}`)}`,
    `  ${paint.quiet(`Lab ${lab.number}'s guide: `)}${paint.link(`npm run guide ${step.id}`)}`,
    '',
  ]
}

/** Climbs nothing: the rungs so far, and what one more press of the key would show. */
export function hintOffer(root: string, step: Step): string[] {
  const paint = createPaint(wantsColours(process.stdout))
  const rung = Math.min(readClimbed(root)[step.id] ?? 0, step.hints.length)
  const offer =
    rung < step.hints.length
      ? `Press ${paint.link('h')} again for hint ${rung + 1} of ${step.hints.length}: ${RUNGS[rung]?.toLowerCase()}.`
      : `That is the whole ladder. The solution beside yours: ${paint.link(`npm run solution ${step.id}`)}`
  return [...ladder(step, rung, paint), `  ${offer}`, '']
}

function ladder(step: Step, rung: number, paint: Paint): string[] {
  const width = pageWidth(process.stdout)
  const lines = [`  ${paint.strong(`${step.id}  ${step.title}`)}`, '']
  for (const [index, hint] of step.hints.slice(0, rung).entries()) {
    const newest = index === rung - 1
    const text = hint.includes('\n') ? hint.split('\n') : wrap(hint, width - 6)
    lines.push(`  ${paint.open(`${index + 1}`)} ${paint.quiet(RUNGS[index] ?? '')}`)
    lines.push(...indent(newest ? text : text.map((line) => paint.quiet(line)), 4), '')
  }
  return lines
}

function hintsFile(root: string): string {
  return join(root, '.lab', 'hints.json')
}

function readClimbed(root: string): Record<string, number> {
  const file = hintsFile(root)
  if (!existsSync(file)) return {}
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>
  } catch {
    return {}
  }
}
