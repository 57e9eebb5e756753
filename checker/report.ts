/** Grades as a table for people, as JSON for programs, and as files that are replaced as a whole. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { padEnd } from '../kit/cli/terminal/layout.ts'
import type { Paint } from '../kit/cli/terminal/paint.ts'
import type { SubmissionGrade } from './grade.ts'
import type { Isolation } from './isolate.ts'
import type { LabGrade, StepGrade } from './judge.ts'

/** Marks in the table for a step without points. */
const MARKS: Readonly<Record<string, string>> = {
  'not begun': '·',
  begun: '○',
  skipped: '↷',
  broken: '!',
  timeout: 'T',
  output: 'O',
  error: 'E',
}
const LEGEND = '· not begun  ○ begun  0 wrong  ! does not run  T time limit  O output limit  ↷ not judged'

export function tableOf(grades: readonly SubmissionGrade[], paint: Paint): string {
  const steps = Math.max(0, ...grades.flatMap((grade) => grade.labs.map((lab) => lab.steps.length)))
  const columns = Array.from({ length: steps }, (_, index) => `.${index + 1}`.padStart(4)).join('')
  const titleWidth = Math.max(24, ...grades.flatMap((grade) => grade.labs.map((lab) => lab.title.length + 7)))
  const lines = ['', `  ${paint.quiet(`${' '.repeat(titleWidth - 2)}${columns}   points`)}`]
  for (const grade of grades) {
    const name = printable(grade.name)
    if (grade.status !== 'graded') {
      lines.push(
        `  ${padEnd(paint.strong(name), titleWidth)}${paint.bad(grade.status)}: ${printable(grade.reason ?? '')}`,
        '',
      )
      continue
    }
    const total = `${grade.points} of ${grade.maxPoints}`
    lines.push(`  ${padEnd(paint.strong(name), titleWidth - 2 + steps * 4)}   ${paint.strong(total)}`)
    for (const lab of grade.labs) lines.push(labRow(lab, titleWidth, steps, paint))
    lines.push('')
  }
  return [...lines, `  ${paint.quiet(LEGEND)}`, ''].join('\n')
}

function labRow(lab: LabGrade, titleWidth: number, steps: number, paint: Paint): string {
  const cells = lab.steps.map((step) => cell(step, paint)).join('')
  const points = lab.steps.reduce((sum, step) => sum + step.points, 0)
  const maximum = lab.steps.reduce((sum, step) => sum + step.maxPoints, 0)
  return `    ${padEnd(`${lab.lab}  ${lab.title}`, titleWidth - 4)}${padEnd(cells, steps * 4)}   ${points} of ${maximum}`
}

function cell(step: StepGrade, paint: Paint): string {
  const text = step.points > 0 ? String(step.points) : (MARKS[step.status] ?? '0')
  const padded = text.padStart(4)
  if (step.points > 0) return paint.good(padded)
  return step.status === 'not begun' ? paint.quiet(padded) : paint.bad(padded)
}

/** The whole batch, as written to standard output and to `results.json`. */
export function jsonOf(grades: readonly SubmissionGrade[], isolation: Isolation): unknown {
  return {
    version: 1,
    isolation: isolation.name,
    // The tests ran beside the submission's code, which could have tampered with them.
    provisional: true,
    submissions: grades,
  }
}

/** Writes `results.json` and one file per submission, each complete or not at all. */
export function writeReports(folder: string, grades: readonly SubmissionGrade[], isolation: Isolation): void {
  mkdirSync(folder, { recursive: true })
  writeWhole(join(folder, 'results.json'), jsonOf(grades, isolation))
  const used = new Set<string>(['results'])
  for (const grade of grades) {
    // An error of ours is no grade: an earlier one stays.
    if (grade.status === 'error') continue
    const base = grade.name.replace(/[^\w.-]/g, '_') || 'submission'
    let name = base
    for (let n = 2; used.has(name); n++) name = `${base}-${n}`
    used.add(name)
    writeWhole(join(folder, `${name}.json`), grade)
  }
}

function writeWhole(file: string, content: unknown): void {
  writeFileSync(`${file}.tmp`, `${JSON.stringify(content, null, 2)}\n`)
  renameSync(`${file}.tmp`, file)
}

/** Names and messages come from submissions: control characters must not reach the terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd').slice(0, 200)
}
