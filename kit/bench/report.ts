/** The page: Markdown for people, JSON for programs. Pure. */
import { type Figure, type Measured, type Reference, ratioOf, type Unit, verdictOf } from './figures.ts'
import { type Machine, machineLine } from './machine.ts'
import type { Outcome } from './run-benchmarks.ts'

export interface Page {
  /** ISO 8601. */
  readonly at: string
  readonly quick: boolean
  readonly machine: Machine
  readonly outcomes: readonly Outcome[]
}

const HEAD = ['what', 'ours', 'p50 / p99', 'CPU', 'the real thing', 'p50 / p99', 'CPU', 'ratio', 'target', 'verdict']

export function markdownOf({ at, quick, machine, outcomes }: Page): string {
  const figures = outcomes.flatMap((outcome) => outcome.figures)
  return [
    '# Brain & Muscle: bench',
    '',
    `${at.slice(0, 16).replace('T', ' ')} UTC${quick ? '; a short run (`--quick`): figures scatter' : ''}`,
    `Machine: ${machineLine(machine)}`,
    '',
    ...outcomes.flatMap(section),
    summaryLine(figures),
    ...(figures.some(({ reference }) => reference?.origin === 'recorded') ? ['', RECORDED] : []),
    '',
  ].join('\n')
}

const RECORDED =
  '† Not measured in this run: recorded on another machine with 2 cores, so the ratio says only roughly where ours stands.'

function section({ name, about, status, reason, tookSeconds, figures, notes }: Outcome): string[] {
  const state = {
    measured: [],
    skipped: [`Skipped: ${reason}`, ''],
    failed: [`**Failed**: ${reason}`, ''],
    interrupted: ['**Interrupted**; what had been measured until then:', ''],
  }[status]
  const rows = figures.map(rowOf)
  return [
    `## ${name}`,
    '',
    `${about}. (${tookSeconds.toFixed(0)} s)`,
    '',
    ...state,
    ...(rows.length > 0 ? [...withoutEmptyColumns(HEAD, rows), ''] : []),
    ...(notes.length > 0 ? [...notes.map((note) => `- ${note}`), ''] : []),
  ]
}

function rowOf(figure: Figure): string[] {
  const { what, unit, ours, reference } = figure
  const ratio = ratioOf(figure)
  return [
    what,
    amount(ours.value, unit),
    latencies(ours),
    cpu(ours),
    reference ? referenceText(reference, unit) : '–',
    reference ? latencies(reference) : '',
    reference ? cpu(reference) : '',
    ratio === undefined ? '' : `${ratio.toFixed(2)}×`,
    targetText(figure),
    verdictOf(figure) ?? '',
  ]
}

function referenceText({ value, name, origin }: Reference, unit: Unit): string {
  return `${amount(value, unit)} (${name}${origin === 'recorded' ? ' †' : ''})`
}

function targetText({ target, unit }: Figure): string {
  if (!target) return ''
  const sign = unit === 'per second' ? '≥' : '≤'
  return 'ratio' in target ? `${sign} ${target.ratio}×` : `${sign} ${amount(target.value, unit)}`
}

/** Three digits: more would claim an accuracy that such figures do not have. */
export function amount(value: number, unit: Unit): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  const text = value.toLocaleString('en', { maximumFractionDigits: digits })
  return unit === 'per second' ? `${text}/s` : `${text} ${unit}`
}

function latencies({ p50Ms, p99Ms }: Measured): string {
  const known = [p50Ms, p99Ms].filter((value) => value !== undefined)
  return known.map((value) => amount(value, 'ms').replace(' ms', '')).join(' / ') + (known.length > 0 ? ' ms' : '')
}

/** Of the server, for one operation. */
function cpu({ cpuMicros }: Measured): string {
  return cpuMicros === undefined ? '' : `${cpuMicros.toFixed(0)} µs`
}

/** Leaves out columns in which no row has anything to say. */
function withoutEmptyColumns(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const used = head.map((_, column) => rows.some((row) => row[column]))
  const keep = (row: readonly string[]) => row.filter((_, column) => used[column])
  return table(keep(head), rows.map(keep))
}

/** A Markdown table whose columns are as wide as their widest cell, so that it reads well in a terminal too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(3, ...[head, ...rows].map((row) => (row[column] ?? '').length))
  const widths = head.map((_, column) => width(column))
  const line = (row: readonly string[]) => `| ${widths.map((size, i) => (row[i] ?? '').padEnd(size)).join(' | ')} |`
  return [line(head), `|${widths.map((size) => '-'.repeat(size + 2)).join('|')}|`, ...rows.map(line)]
}

function summaryLine(figures: readonly Figure[]): string {
  const verdicts = figures.map(verdictOf).filter((verdict) => verdict !== undefined)
  const met = verdicts.filter((verdict) => verdict === 'met').length
  return `${figures.length} figures measured; ${met} of ${verdicts.length} targets met.`
}

/** The page as data, with ratios and verdicts worked out. */
export function jsonOf(page: Page): unknown {
  const outcomes = page.outcomes.map((outcome) => ({
    ...outcome,
    figures: outcome.figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), verdict: verdictOf(figure) })),
  }))
  return { ...page, outcomes }
}
