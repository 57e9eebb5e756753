/**
 * The page that a learner reads when a step does not pass: the story, what the code did, what was expected, the rule and
 * its source, the seed, where to look, what to type next. Symptoms only, never the fix; hints come closer rung by rung.
 */
import { indent, padEnd, visibleWidth, wrap } from '../cli/terminal/layout.ts'
import type { Paint } from '../cli/terminal/paint.ts'
import { guideSection } from './catalog.ts'
import {
  type Part,
  readNotImplemented,
  type SourceLine,
  type StepOutcome,
  type TestFailure,
  type TestOutcome,
} from './outcome.ts'

const LABEL_WIDTH = 12
/** More than this is no longer read; the whole is one `npm run lab 3.2 -- --json` away. */
const MAX_LINES = 40
const MAX_OTHERS = 3

type Row = readonly [label: string, text: string | readonly string[]]

/**
 * The lines of the report, without the line of the step itself.
 *
 * @param watching the run comes again by itself, and a key gives the hint: there is nothing to type
 */
export function reportFailure(outcome: StepOutcome, paint: Paint, width: number, watching: boolean): string[] {
  const blocks: string[][] = []
  if (outcome.status === 'wrong' && outcome.shown) {
    blocks.push([paint.strong(titleOf(outcome.shown))])
    blocks.push(
      rows([...explain(outcome.shown, paint, width), ...others(outcome, width), ...page(outcome, paint)], paint, width),
    )
    if (outcome.shown.output.length > 0) blocks.push(printed(outcome.shown.output, paint))
  } else if (outcome.status === 'broken' && outcome.problem) {
    blocks.push([paint.strong('The tests could not be run to their end')])
    blocks.push(rows([['Problem', problemText(outcome.problem)], ...where(outcome.problem, paint)], paint, width))
  } else {
    blocks.push(unwritten(outcome, paint, width))
  }
  blocks.push(rows(nextRows(outcome, paint, watching), paint, width))
  return blocks.flatMap((block, index) => (index === 0 ? block : ['', ...block]))
}

/** What the code printed: its own `console.log` is the first debugger. */
export function printed(output: readonly string[], paint: Paint): string[] {
  return [paint.quiet('Printed by the code'), ...indent(lastLines(output, MAX_LINES), 2)]
}

function explain(test: TestOutcome, paint: Paint, width: number): Row[] {
  const { lesson, seed, failure } = test
  const list: Row[] = []
  if (lesson) list.push(['Scenario', lesson.scenario])
  if (failure) list.push(...deed(failure, paint, width))
  if (lesson) list.push(['Rule', lesson.rule], ['Source', lesson.source])
  if (failure) list.push(...where(failure, paint))
  if (seed !== undefined) list.push(['Seed', String(seed)])
  return list
}

/** Which other tests are wrong: one cause often shows best in another test. */
function others({ tests, shown }: StepOutcome, width: number): Row[] {
  const wrong = tests.filter((test) => test !== shown && test.state === 'failed' && !readNotImplemented(test.failure))
  const titles = wrong.slice(0, MAX_OTHERS).map((test) => shorten(titleOf(test), width - LABEL_WIDTH))
  if (titles.length === 0) return []
  return [['Also wrong', wrong.length > MAX_OTHERS ? [...titles, `and ${wrong.length - MAX_OTHERS} more`] : titles]]
}

/** The page of a recorded run: this test's, or that of another test that failed too. */
function page({ tests, shown }: StepOutcome, paint: Paint): Row[] {
  const trace = shown?.trace ?? tests.find((test) => test.state === 'failed' && test.trace !== undefined)?.trace
  return trace === undefined ? [] : [['Look at it', paint.link(trace)]]
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1).trimEnd()}…`
}

/** What the code did and what was expected of it. */
function deed(failure: TestFailure, paint: Paint, width: number): Row[] {
  const timeout = /^Test timed out in (\d+)ms/.exec(failure.message)
  if (timeout) {
    const seconds = Number(timeout[1]) / 1000
    return [['Your code', `did not finish within ${seconds} seconds: what it waits for never happened`]]
  }
  const { expected, actual } = failure
  if (failure.name === 'AssertionError' && expected !== undefined && actual !== undefined) {
    const check = /^([\s\S]+?): expected /.exec(failure.message)?.[1]
    const about: Row[] = check ? [['Check', check]] : []
    const room = width - LABEL_WIDTH
    if ([expected, actual].every((value) => !value.includes('\n') && value.length <= room) || !failure.diff) {
      return [...about, ['Your code', paint.bad(visible(actual))], ['Expected', paint.good(visible(expected))]]
    }
    return [
      ...about,
      ['Difference', [`${paint.good('- expected')}   ${paint.bad('+ your code')}`, ...diff(failure.diff, paint)]],
    ]
  }
  if (failure.name === 'AssertionError') return [['Result', firstLines(failure.message)]]
  return failure.code
    ? [['Your code', firstLines(`threw ${failure.name}: ${failure.message}`)]]
    : [['Result', problemText(failure)]]
}

/** An empty text is an answer too; its line must not look as if there were none. */
function visible(value: string): string {
  return value === '' ? '(empty)' : value
}

/** The lines that differ, each with a little of what surrounds it. */
function diff(text: string, paint: Paint): string[] {
  const lines = text.split('\n').filter((line) => !/^[-+] (Expected|Received)$/.test(line))
  while (lines[0] === '') lines.shift()
  const differs = lines.map((line) => /^[-+]/.test(line))
  const near = lines.map((_, index) => differs.slice(Math.max(0, index - 3), index + 4).includes(true))
  const shown: string[] = []
  for (const [index, line] of lines.entries()) {
    if (!near[index] || /^@@ .* @@$/.test(line)) {
      if (shown.at(-1) !== paint.quiet('  …')) shown.push(paint.quiet('  …'))
    } else if (line.startsWith('-')) shown.push(paint.good(line))
    else if (line.startsWith('+')) shown.push(paint.bad(line))
    else shown.push(line)
  }
  if (shown.length <= MAX_LINES) return shown
  return [...shown.slice(0, MAX_LINES), paint.quiet(`… and ${shown.length - MAX_LINES} more lines`)]
}

function unwritten(outcome: StepOutcome, paint: Paint, width: number): string[] {
  const missing = readNotImplemented(outcome.shown?.failure)
  if (outcome.status === 'begun' && missing && missing.step !== outcome.step.id) {
    return [
      `This step builds on step ${missing.step}, which is not implemented yet:`,
      `  ${paint.link(missing.file)}, ${missing.symbol}`,
    ]
  }
  const files = [...new Set(outcome.parts.map((part) => part.file))]
  const symbolWidth = Math.max(0, ...outcome.parts.map((part) => visibleWidth(part.symbol)))
  return files.flatMap((file) => {
    const parts = outcome.parts.filter((part) => part.file === file)
    const heading = parts.every((part) => part.written) ? 'written: ' : 'not implemented yet: '
    return [`${heading}${paint.link(file)}`, ...parts.flatMap((part) => partLines(part, symbolWidth, paint, width))]
  })
}

function partLines(part: Part, symbolWidth: number, paint: Paint, width: number): string[] {
  const mark = part.written ? paint.good('✔') : paint.open('○')
  const column = symbolWidth + 6
  const task = wrap(part.task, Math.max(20, width - column)).map(paint.quiet)
  return [`  ${mark} ${padEnd(part.symbol, symbolWidth)}  ${task[0]}`, ...indent(task.slice(1), column)]
}

function nextRows({ lab, step, status }: StepOutcome, paint: Paint, watching: boolean): Row[] {
  const guide = paint.link(`npm run guide ${step.id}`)
  if (watching) return [['Guide', guide]]
  const commands = [`npm run lab ${step.id}`, `npm run hint ${step.id}`].map((command) =>
    padEnd(paint.link(command), 19),
  )
  const when = status === 'not begun' || status === 'begun' ? 'when you have written more' : 'once you have changed it'
  return [
    ['Guide', [guide, paint.link(guideSection(lab, step))]],
    ['Next', [`${commands[0]} ${when}`, `${commands[1]} when you are stuck`]],
  ]
}

function where({ code, test }: TestFailure, paint: Paint): Row[] {
  const at = ({ file, line, column }: SourceLine) => paint.link(`${file}:${line}:${column}`)
  return [...(code ? [['Where', at(code)] as const] : []), ...(test ? [['Test', at(test)] as const] : [])]
}

/** A lesson's title ends with its source for other reporters; here the source has a line of its own. */
function titleOf(test: TestOutcome): string {
  const suffix = ` (${test.lesson?.source})`
  return test.title.endsWith(suffix) ? test.title.slice(0, -suffix.length) : test.title
}

function problemText(failure: TestFailure): string {
  const plain = failure.name === 'Error' || failure.message.startsWith(failure.name)
  return firstLines(plain ? failure.message : `${failure.name}: ${failure.message}`)
}

function firstLines(text: string): string {
  const lines = text.split('\n')
  return lines.length <= MAX_LINES ? text : [...lines.slice(0, MAX_LINES), '…'].join('\n')
}

function lastLines(lines: readonly string[], count: number): string[] {
  return lines.length <= count ? [...lines] : [`… ${lines.length - count} earlier lines`, ...lines.slice(-count)]
}

function rows(list: readonly Row[], paint: Paint, width: number): string[] {
  return list.flatMap(([label, text]) => {
    if (text === '') return []
    const lines = typeof text === 'string' ? wrap(text, width - LABEL_WIDTH) : text
    return lines.map((line, index) => padEnd(index === 0 ? paint.quiet(label) : '', LABEL_WIDTH) + line)
  })
}
