/** Grades submissions one after the other: intake, pristine tree, every lab in isolation. One bad submission stops no other. */
import type { Lab } from '../kit/labs/catalog.ts'
import { RejectedSubmission, takeIn } from './intake.ts'
import type { Bounds, Isolation } from './isolate.ts'
import { gradeLab, judgeLab, type LabGrade } from './judge.ts'
import { createPristineTree } from './pristine-tree.ts'

export interface SubmissionGrade {
  readonly name: string
  readonly path: string
  /** `rejected`: the submission is at fault. `error`: the grader is, and there is no grade. */
  readonly status: 'graded' | 'rejected' | 'error'
  /** Why it was not graded. */
  readonly reason?: string
  readonly points: number
  readonly maxPoints: number
  readonly labs: readonly LabGrade[]
}

export interface GradingOptions {
  /** The repository with our tests and solutions. */
  readonly root: string
  readonly labs: readonly Lab[]
  readonly isolation: Isolation
  /** For one lab of one submission. */
  readonly bounds: Bounds
  readonly progress?: (message: string) => void
}

export async function gradeAll(checkouts: readonly string[], options: GradingOptions): Promise<SubmissionGrade[]> {
  const grades: SubmissionGrade[] = []
  for (const [index, checkout] of checkouts.entries()) {
    options.progress?.(`${index + 1} of ${checkouts.length}: ${checkout}`)
    grades.push(await gradeOne(checkout, options))
  }
  return grades
}

export async function gradeOne(checkout: string, options: GradingOptions): Promise<SubmissionGrade> {
  const { root, labs, isolation, bounds } = options
  const maxPoints = labs.flatMap((lab) => lab.steps).reduce((sum, step) => sum + step.points, 0)
  const names = labs.map((lab) => lab.name)
  const about = {
    name:
      checkout
        .replace(/[\\/]+$/, '')
        .split(/[\\/]/)
        .at(-1) ?? checkout,
    path: checkout,
    maxPoints,
  }
  try {
    const tree = createPristineTree(root, names, takeIn(checkout, names))
    try {
      const grades: LabGrade[] = []
      for (const lab of labs) {
        const begun = tree.edited.includes(lab.name)
        grades.push(begun ? await judgeLab(lab, tree.root, isolation, bounds) : gradeLab(lab, undefined))
      }
      const points = grades.flatMap((grade) => grade.steps).reduce((sum, step) => sum + step.points, 0)
      return { ...about, status: 'graded', points, labs: grades }
    } finally {
      tree.remove()
    }
  } catch (error) {
    const status = error instanceof RejectedSubmission ? 'rejected' : 'error'
    return { ...about, status, reason: (error as Error).message, points: 0, labs: [] }
  }
}
