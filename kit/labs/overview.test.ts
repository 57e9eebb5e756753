import { describe, expect, it } from 'vitest'
import type { Lab, Step } from './catalog.ts'
import type { StepOutcome, StepStatus } from './outcome.ts'
import { nextStep } from './overview.ts'

/** One lab whose steps have these statuses; the last step goes deeper. */
function outcomesOf(number: number, ...statuses: StepStatus[]): StepOutcome[] {
  const steps = statuses.map((_, index): Step => {
    const id = `${number}.${index + 1}`
    return { id, title: id, points: 1, star: index === statuses.length - 1, files: [], tests: [], hints: [] }
  })
  const lab: Lab = { number, name: `0${number}`, title: '', steps }
  return steps.map((step, index) => ({ lab, step, status: statuses[index]!, tests: [], parts: [] }))
}

describe('what the map says comes next', () => {
  it.each<[string, StepOutcome[][], string | undefined]>([
    ['the very first step, when nothing is begun', [outcomesOf(1, 'not begun', 'not begun')], '1.1'],
    [
      'the first open step of a lab that is begun, not of one before it',
      [outcomesOf(1, 'not begun', 'not begun'), outcomesOf(3, 'passed', 'wrong', 'not begun')],
      '3.2',
    ],
    [
      'the lab after one that is finished but for the steps that go deeper',
      [outcomesOf(1, 'passed', 'not begun'), outcomesOf(2, 'not begun', 'not begun')],
      '2.1',
    ],
    ['nothing, when every step passes', [outcomesOf(1, 'passed', 'passed')], undefined],
  ])('%s', (_, labs, expected) => {
    expect(nextStep(labs.flat())?.step.id).toBe(expected)
  })
})
