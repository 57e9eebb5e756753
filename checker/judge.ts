/**
 * Awards points: runs a lab's tests over a submission in isolation, and believes only what is complete and well formed.
 *
 * A step scores when it passed, with at least one test. A step without a report scores nothing and says why.
 */
import type { Lab } from '../kit/labs/catalog.ts'
import type { StepStatus } from '../kit/labs/outcome.ts'
import type { Bounds, Execution, Isolation } from './isolate.ts'

/** What the judging program reports about a step. */
export interface JudgedStep {
  readonly step: string
  readonly status: StepStatus
  readonly passed: number
  readonly total: number
  /** The first failure, for humans. */
  readonly detail: string
}

export type GradeStatus = StepStatus | 'timeout' | 'output' | 'error'

export interface StepGrade {
  readonly step: string
  readonly title: string
  readonly star: boolean
  readonly status: GradeStatus
  readonly points: number
  readonly maxPoints: number
  readonly passed: number
  readonly total: number
  readonly detail: string
}

export interface LabGrade {
  readonly lab: number
  readonly name: string
  readonly title: string
  readonly steps: readonly StepGrade[]
}

const MAX_DETAIL = 2_000

export async function judgeLab(lab: Lab, folder: string, isolation: Isolation, bounds: Bounds): Promise<LabGrade> {
  const args = ['--import', 'tsx', 'checker/judge-lab.ts', String(lab.number), String(bounds.stuckAfterMs)]
  const execution = await isolation.run(folder, args, bounds)
  return gradeLab(lab, parseReport(execution.report), execution)
}

/** @param judged undefined for a lab that was not run because it is as the stubs are */
export function gradeLab(lab: Lab, judged: readonly JudgedStep[] | undefined, execution?: Execution): LabGrade {
  const steps = lab.steps.map((step): StepGrade => {
    const shape = { step: step.id, title: step.title, star: step.star, maxPoints: step.points }
    const nothing = { ...shape, points: 0, passed: 0, total: 0, detail: '' }
    if (!judged) return { ...nothing, status: 'not begun' }
    const report = judged.find((each) => each.step === step.id)
    if (!report) return { ...nothing, ...explainSilence(execution) }
    const { status, passed, total, detail } = report
    const scores = status === 'passed' && passed > 0
    return { ...shape, status, passed, total, points: scores ? step.points : 0, detail: detail.slice(0, MAX_DETAIL) }
  })
  return { lab: lab.number, name: lab.name, title: lab.title, steps }
}

function explainSilence(execution: Execution | undefined): { status: GradeStatus; detail: string } {
  if (execution?.ended === 'timeout') return { status: 'timeout', detail: 'the time limit came first' }
  if (execution?.ended === 'output') return { status: 'output', detail: 'it printed more than the limit' }
  const output = execution?.output.trim().slice(-MAX_DETAIL)
  return { status: 'error', detail: output || `the judging process ended without a report (${execution?.exitCode})` }
}

/** Lines that are not what the judge writes are ignored; the first word about a step counts. */
export function parseReport(text: string): JudgedStep[] {
  const steps = new Map<string, JudgedStep>()
  for (const line of text.split('\n')) {
    const judged = parseLine(line)
    if (judged && !steps.has(judged.step)) steps.set(judged.step, judged)
  }
  return [...steps.values()]
}

const STATUSES: readonly string[] = [
  'passed',
  'not begun',
  'begun',
  'wrong',
  'broken',
  'skipped',
] satisfies StepStatus[]

function parseLine(line: string): JudgedStep | undefined {
  try {
    const { step, status, passed, total, detail } = JSON.parse(line) as Record<string, unknown>
    const counts = [passed, total].every((count) => Number.isInteger(count) && (count as number) >= 0)
    if (typeof step !== 'string' || typeof detail !== 'string' || !counts) return undefined
    if (typeof status !== 'string' || !STATUSES.includes(status)) return undefined
    return { step, status: status as StepStatus, passed: passed as number, total: total as number, detail }
  } catch {
    return undefined
  }
}
