/** The words that learners read, kept as pictures: a change in them should be seen and meant. */
import { describe, expect, it } from 'vitest'
import { createPaint } from '../cli/terminal/paint.ts'
import type { Lab, Step } from './catalog.ts'
import { type ReportOptions, silenceReport, stepReport } from './lab-report.ts'
import { judgeStep, type Part, type TestFailure, type TestOutcome } from './outcome.ts'

const step: Step = {
  id: '3.3',
  title: 'Room, ports and names',
  points: 15,
  star: false,
  files: ['filters/resources.ts'],
  tests: ['tests/step-3-filters.test.ts'],
  hints: [],
}
const lab: Lab = { number: 3, name: '03-scheduler', title: 'Scheduler', steps: [step] }
const file = 'labs/03-scheduler/src/filters/resources.ts'
const part = (symbol: string, written: boolean): Part => ({ symbol, task: `Write ${symbol}`, file, written })
const lesson = {
  scenario: 'A node has 1000m of CPU. A pod that asks for 700m is assumed on it, and another that asks for 400m comes.',
  rule: 'An assumed pod counts as if it were bound.',
  source: 'kube-scheduler: backend/cache',
}
const passed: TestOutcome = { title: 'fits an empty node', state: 'passed', output: [] }

function failing(failure: Partial<TestFailure>, more: Partial<TestOutcome> = {}): TestOutcome {
  return {
    title: 'counts an assumed pod (kube-scheduler: backend/cache)',
    state: 'failed',
    lesson,
    output: [],
    failure: {
      name: 'AssertionError',
      message: 'expected true to be false // Object.is equality',
      test: { file: 'labs/03-scheduler/tests/step-3-filters.test.ts', line: 12, column: 5 },
      ...failure,
    },
    ...more,
  }
}

function printed(
  tests: readonly TestOutcome[],
  parts: readonly Part[] = [part('fitsResources', true)],
  problem?: TestFailure,
  options: ReportOptions = {},
) {
  const outcome = judgeStep({ lab, step, tests, problem }, () => parts)
  return `\n${stepReport(outcome, createPaint(false), 80, options).join('\n')}\n`
}

describe('what a learner reads', () => {
  it('about a step that passes', () => {
    expect(printed([passed])).toBe(`
  ✔ 3.3  Room, ports and names                              1 test   15 points
`)
  })

  it('about a step that is not begun, whatever its tests ran into', () => {
    const stuck = failing({ message: 'Test timed out in 5000ms.' })
    expect(printed([stuck], [part('fitsResources', false), part('FreePorts.#taken', false)])).toBe(`
  ○ 3.3  Room, ports and names                                       not begun

      not implemented yet: labs/03-scheduler/src/filters/resources.ts
        ○ fitsResources     Write fitsResources
        ○ FreePorts.#taken  Write FreePorts.#taken

      Guide       npm run guide 3.3
                  labs/03-scheduler/README.md#33-room-ports-and-names
      Next        npm run lab 3.3     when you have written more
                  npm run hint 3.3    when you are stuck
`)
  })

  it('about a step of which some parts are written', () => {
    const missing = failing({
      name: 'NotImplemented',
      message: `not implemented yet: ${file}, \`freePorts\` (step 3.3: x)`,
    })
    expect(printed([passed, missing], [part('fitsResources', true), part('freePorts', false)])).toBe(`
  ○ 3.3  Room, ports and names                            1 of 2 parts written

      not implemented yet: labs/03-scheduler/src/filters/resources.ts
        ✔ fitsResources  Write fitsResources
        ○ freePorts      Write freePorts

      Guide       npm run guide 3.3
                  labs/03-scheduler/README.md#33-room-ports-and-names
      Next        npm run lab 3.3     when you have written more
                  npm run hint 3.3    when you are stuck
`)
  })

  it('about a step that builds on one that is not written', () => {
    const missing = failing({
      name: 'NotImplemented',
      message: 'not implemented yet: labs/03-scheduler/src/queue.ts, `Queue.pop` (step 3.1: Pop)',
    })
    expect(printed([missing])).toContain(`
      This step builds on step 3.1, which is not implemented yet:
        labs/03-scheduler/src/queue.ts, Queue.pop
`)
  })

  it('about a value that is not the expected one', () => {
    const test = failing(
      { expected: 'false', actual: 'true' },
      { seed: 42, trace: '.lab/traces/seed-42.html', output: ['adding { cpu: 700 }', 'adding { cpu: 400 }'] },
    )
    expect(printed([passed, test])).toBe(`
  ✖ 3.3  Room, ports and names                               1 of 2 tests pass

      counts an assumed pod

      Scenario    A node has 1000m of CPU. A pod that asks for 700m is assumed
                  on it, and another that asks for 400m comes.
      Your code   true
      Expected    false
      Rule        An assumed pod counts as if it were bound.
      Source      kube-scheduler: backend/cache
      Test        labs/03-scheduler/tests/step-3-filters.test.ts:12:5
      Seed        42
      Look at it  .lab/traces/seed-42.html

      Printed by the code
        adding { cpu: 700 }
        adding { cpu: 400 }

      Guide       npm run guide 3.3
                  labs/03-scheduler/README.md#33-room-ports-and-names
      Next        npm run lab 3.3     once you have changed it
                  npm run hint 3.3    when you are stuck
`)
  })

  it('about a text that is empty where there should be one, or the other way round', () => {
    expect(printed([failing({ expected: '2:y', actual: '' })])).toContain(`
      Your code   (empty)
      Expected    2:y
`)
    expect(printed([failing({ expected: '', actual: '2:y' })])).toContain(`
      Your code   2:y
      Expected    (empty)
`)
  })

  it('about more than one wrong test: what the others are called', () => {
    const tests = ['one', 'two', 'three', 'four', 'five'].map((title) =>
      failing({ expected: '1', actual: '2' }, { title: `a node: ${title}` }),
    )
    const unwritten = failing({ message: `not implemented yet: ${file}, \`freePorts\` (step 3.3: x)` })
    expect(printed([...tests.slice(0, 2), unwritten])).toContain(`
      Also wrong  a node: two

`)
    expect(printed(tests)).toContain(`
      Also wrong  a node: two
                  a node: three
                  a node: four
                  and 1 more

`)
    const long = { ...tests[1]!, title: 'a node '.repeat(20) }
    expect(printed([tests[0]!, long])).toContain(`
      Also wrong  a node a node a node a node a node a node a node a node a n…

`)
  })

  it('in watch mode: the failure last, and nothing to type for what comes by itself', () => {
    const test = failing({ expected: '1', actual: '2' }, { lesson: undefined })
    const options = { watching: true, following: ['  · 3.4  Taints', '  · 3.5  Scores'] }
    expect(printed([test], undefined, undefined, options)).toBe(`
  ✖ 3.3  Room, ports and names                               0 of 1 tests pass
  · 3.4  Taints
  · 3.5  Scores

      counts an assumed pod (kube-scheduler: backend/cache)

      Your code   2
      Expected    1
      Test        labs/03-scheduler/tests/step-3-filters.test.ts:12:5

      Guide       npm run guide 3.3
`)
  })

  it('about a larger value: what differs, with a little of what surrounds it', () => {
    const same = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `      "n${from + n}",`)
    const diff = [
      '- Expected',
      '+ Received',
      '',
      '  {',
      ...same(0, 6),
      '-     "n6",',
      '+     "m6",',
      ...same(7, 12),
      '  }',
    ]
    const test = failing({
      message: 'the nodes: expected {…} to deeply equal {…}',
      expected: '{\n}',
      actual: '{\n\n}',
      diff: diff.join('\n'),
    })
    expect(printed([test])).toContain(`
      Check       the nodes
      Difference  - expected   + your code
                    …
                        "n3",
                        "n4",
                        "n5",
                  -     "n6",
                  +     "m6",
                        "n7",
                        "n8",
                        "n9",
                    …
      Rule        An assumed pod counts as if it were bound.
`)
  })

  it('about an error that the code threw, with its line', () => {
    const test = failing({
      name: 'TypeError',
      message: "Cannot read properties of undefined (reading 'cpu')",
      code: { file, line: 40, column: 7 },
    })
    expect(printed([test])).toContain(`
      Your code   threw TypeError: Cannot read properties of undefined
                  (reading 'cpu')
      Rule        An assumed pod counts as if it were bound.
      Source      kube-scheduler: backend/cache
      Where       labs/03-scheduler/src/filters/resources.ts:40:7
      Test        labs/03-scheduler/tests/step-3-filters.test.ts:12:5
`)
  })

  it('about code that blocks its worker, while it does', () => {
    const lines = (test: string | undefined, watching: boolean) =>
      `${silenceReport(test, 10_200, watching, createPaint(false), 80).join('\n')}`
    expect(lines('a full node: moves on', true)).toBe(`
      still in "a full node: moves on" after 10 s: an endless loop? Save to
      start over, q to quit.
`)
    expect(lines(undefined, false)).toBe(`
      still loading the test file after 10 s: an endless loop? Ctrl-C to stop;
      it is given up after 30 s.
`)
  })

  it('about code that waits for what never happens', () => {
    expect(printed([failing({ name: 'Error', message: 'Test timed out in 5000ms.\nIf this is …' })])).toContain(`
      Your code   did not finish within 5 seconds: what it waits for never
                  happened
`)
  })

  it('about a check without two values', () => {
    const message = "expected [Function] to throw error including 'full' but got 'empty'"
    expect(printed([failing({ message })])).toContain(`
      Result      expected [Function] to throw error including 'full' but got
                  'empty'
`)
  })

  it('about code that does not load', () => {
    const problem = { name: 'Error', message: 'Transform failed with 1 error:\n  9 │ return a + (b' }
    expect(printed([], [], problem)).toBe(`
  ✖ 3.3  Room, ports and names                                    does not run

      The tests could not be run to their end

      Problem     Transform failed with 1 error:
                    9 │ return a + (b

      Guide       npm run guide 3.3
                  labs/03-scheduler/README.md#33-room-ports-and-names
      Next        npm run lab 3.3     once you have changed it
                  npm run hint 3.3    when you are stuck
`)
  })

  it('about a step without tests: silence is never a pass', () => {
    expect(printed([], [])).toContain('no test was found in tests/step-3-filters.test.ts')
  })

  it('about a step whose tools are missing', () => {
    expect(printed([{ ...passed, state: 'skipped' }])).toContain('not judged')
  })

  it('keeps to eighty columns', () => {
    const long = failing({ expected: 'x'.repeat(300), actual: 'y', message: `expected ${'word '.repeat(80)}` })
    const lines = printed([long]).split('\n')
    expect(lines.filter((line) => line.length > 80 && !line.includes('xxx'))).toEqual([])
  })
})
