/** The checker's first form, tried on submissions that are honest, wrong, stuck, noisy and hostile. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPaint } from '../kit/cli/terminal/paint.ts'
import { type Lab, readCatalog, repositoryRoot as source } from '../kit/labs/catalog.ts'
import { runStubs } from '../kit/stubs/command.ts'
import { gradeAll, gradeOne, type SubmissionGrade } from './grade.ts'
import { RejectedSubmission, takeIn } from './intake.ts'
import { processIsolation } from './isolate.ts'
import { parseReport } from './judge.ts'
import { tableOf, writeReports } from './report.ts'

const BOUNDS = { timeoutMs: 60_000, stuckAfterMs: 3_000, outputBytes: 1_000_000 }

/** A repository with one small lab, so that these tests say nothing about the real ones. */
let root: string
let labs: Lab[]
let submissions: string

const SOLUTION = `/** Sums. */

/**
 * Adds.
 *
 * @lab 3.1 Add two numbers
 */
export function add(a: number, b: number): number {
  return a + b
}
`
const OTHER = SOLUTION.replaceAll('3.1', '3.2').replaceAll('add', 'plus')
const testOf = (file: string, symbol: string) => `import { expect, it } from 'vitest'
import { ${symbol} } from '#scheduler/${file}'
it('adds', () => {
  expect(${symbol}(1, 2)).toBe(3)
})
`
const yamlStep = (n: number, file: string) => `
  - id: "3.${n}"
    title: Step ${n}
    points: ${n * 10}
    files: [${file}]
    tests: [tests/step-${n}.test.ts]
    hints: [a nudge, the idea, the code]`

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'checker-test-root-'))
  submissions = mkdtempSync(join(tmpdir(), 'checker-test-submissions-'))
  for (const path of ['kit', 'checker', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.labs.json']) {
    cpSync(join(source, path), join(root, path), { recursive: true })
  }
  symlinkSync(join(source, 'node_modules'), join(root, 'node_modules'), 'dir')
  write(root, {
    'solutions/03-scheduler/add.ts': SOLUTION,
    'solutions/03-scheduler/plus.ts': OTHER,
    'labs/03-scheduler/lab.yaml': `number: 3\ntitle: Sums\nsteps:${yamlStep(1, 'add.ts')}${yamlStep(2, 'plus.ts')}\n`,
    'labs/03-scheduler/tests/step-1.test.ts': testOf('add.ts', 'add'),
    'labs/03-scheduler/tests/step-2.test.ts': testOf('plus.ts', 'plus'),
  })
  runStubs(root, { labs: [], check: false, force: false })
  labs = readCatalog(root)
})

afterAll(() => {
  for (const folder of [root, submissions]) rmSync(folder, { recursive: true, force: true })
})

function write(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

const src = 'labs/03-scheduler/src'

function submit(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(submissions, name, src), { recursive: true })
  return write(join(submissions, name), files)
}

const grade = (checkout: string, bounds = BOUNDS) =>
  gradeOne(checkout, { root, labs, isolation: processIsolation, bounds })
const statuses = (result: SubmissionGrade) =>
  result.labs[0]?.steps.map((step) => `${step.step} ${step.status} ${step.points}`)

describe('grading', () => {
  it('gives a right submission all points', async () => {
    const result = await grade(submit('right', { [`${src}/add.ts`]: SOLUTION, [`${src}/plus.ts`]: OTHER }))
    expect(statuses(result)).toEqual(['3.1 passed 10', '3.2 passed 20'])
    expect([result.status, result.points, result.maxPoints]).toEqual(['graded', 30, 30])
  })

  it('gives the stubs none, without running them', async () => {
    const stubs = join(root, src)
    const checkout = submit('stubs', { [`${src}/add.ts`]: readFileSync(join(stubs, 'add.ts'), 'utf8') })
    expect(statuses(await grade(checkout))).toEqual(['3.1 not begun 0', '3.2 not begun 0'])
  })

  it('tells a wrong step from a right one and says what failed', async () => {
    const wrong = SOLUTION.replace('a + b', 'a - b')
    const result = await grade(submit('wrong', { [`${src}/add.ts`]: wrong, [`${src}/plus.ts`]: OTHER }))
    expect(statuses(result)).toEqual(['3.1 wrong 0', '3.2 passed 20'])
    expect(result.labs[0]?.steps[0]?.detail).toContain('expected -1 to be 3')
  })

  it('ignores the tests, configuration and packages of a submission', async () => {
    const result = await grade(
      submit('cunning', {
        [`${src}/add.ts`]: SOLUTION.replace('a + b', '0'),
        'labs/03-scheduler/tests/step-1.test.ts': `import { it } from 'vitest'\nit('passes', () => {})\n`,
        'labs/03-scheduler/lab.yaml': 'number: 3\n',
        'vitest.config.ts': 'throw new Error("loaded")',
        'package.json': '{"imports": {}}',
        [`${src}/package.json`]: '{"type": "commonjs"}',
        'kit/labs/outcome.ts': 'throw new Error("loaded")',
        'node_modules/vitest/index.js': 'throw new Error("loaded")',
      }),
    )
    expect(statuses(result)).toEqual(['3.1 wrong 0', '3.2 not begun 0'])
  })

  it('ends an endless loop, and still judges the other steps', async () => {
    const loop = SOLUTION.replace('return a + b', 'while (true) a = b')
    const result = await grade(submit('loop', { [`${src}/add.ts`]: loop, [`${src}/plus.ts`]: OTHER }))
    expect(statuses(result)).toEqual(['3.1 broken 0', '3.2 passed 20'])
    expect(result.labs[0]?.steps[0]?.detail).toContain('endless loop')
  }, 60_000)

  it('keeps to its time limit, whatever the code does', async () => {
    const loop = `await new Promise((done) => setTimeout(done, 60_000))\n${SOLUTION}`
    const result = await grade(submit('slow', { [`${src}/add.ts`]: loop }), { ...BOUNDS, timeoutMs: 3_000 })
    expect(statuses(result)?.[0]).toBe('3.1 timeout 0')
  }, 20_000)

  it('keeps to its output limit', async () => {
    const loud = `import { writeSync } from 'node:fs'\nfor (;;) writeSync(1, 'x'.repeat(10_000))\n${SOLUTION}`
    const result = await grade(submit('loud', { [`${src}/add.ts`]: loud }), { ...BOUNDS, outputBytes: 100_000 })
    expect(result.points).toBe(0)
    expect(['3.1 output 0', '3.1 broken 0']).toContain(statuses(result)?.[0])
  }, 60_000)

  it('survives code that ends its process', async () => {
    const result = await grade(
      submit('exit', { [`${src}/add.ts`]: `process.exit(0)\n${SOLUTION}`, [`${src}/plus.ts`]: OTHER }),
    )
    expect(result.status).toBe('graded')
    expect(statuses(result)?.[0]).toBe('3.1 broken 0')
    expect(statuses(result)?.[1]).toBe('3.2 passed 20')
  }, 60_000)

  it('goes on with the next submission when one cannot be graded', async () => {
    const linked = submit('linked', {})
    symlinkSync('/etc/hostname', join(linked, src, 'add.ts'))
    const checkouts = [linked, join(submissions, 'nowhere'), submit('last', {})]
    const results = await gradeAll(checkouts, { root, labs, isolation: processIsolation, bounds: BOUNDS })
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'graded'])
    expect(results[0]?.reason).toContain('is a link')

    expect(tableOf(results, createPaint(false))).toContain('linked')
    const out = join(submissions, 'out')
    writeReports(out, results, processIsolation)
    expect(readdirSync(out).sort()).toEqual(['last.json', 'linked.json', 'nowhere.json', 'results.json'])
  })

  it('leaves no temporary tree behind', () => {
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('brain-and-muscle-checker-'))).toEqual([])
  })
})

describe('intake', () => {
  const limits = { filesPerLab: 2, bytesPerFile: 100, bytesPerLab: 150, depth: 3 }
  const take = (checkout: string) => takeIn(checkout, ['03-scheduler'], limits)

  it('takes only regular TypeScript files', () => {
    const checkout = submit('mixed', { [`${src}/a.ts`]: 'a', [`${src}/deep/b.ts`]: 'b', [`${src}/notes.md`]: 'c' })
    expect([...take(checkout).labs.get('03-scheduler')!.keys()].sort()).toEqual(['a.ts', 'deep/b.ts'])
  })

  it('refuses linked folders, at every level', () => {
    const real = submit('real', { [`${src}/a.ts`]: 'a' })
    const linkedLab = join(submissions, 'linked-lab')
    mkdirSync(join(linkedLab, 'labs'), { recursive: true })
    symlinkSync(join(real, 'labs/03-scheduler'), join(linkedLab, 'labs/03-scheduler'))
    const linkedFolder = submit('linked-folder', {})
    symlinkSync(join(real, src), join(linkedFolder, src, 'more'))
    for (const checkout of [linkedLab, linkedFolder]) expect(() => take(checkout)).toThrow(RejectedSubmission)
  })

  it.each([
    ['too many files', { [`${src}/a.ts`]: '', [`${src}/b.ts`]: '', [`${src}/c.ts`]: '' }, 'more than 2 files'],
    ['a file too large', { [`${src}/a.ts`]: 'x'.repeat(101) }, 'a.ts is larger than 100 bytes'],
    ['too much in all', { [`${src}/a.ts`]: 'x'.repeat(90), [`${src}/b.ts`]: 'x'.repeat(90) }, 'larger than 150'],
    ['folders too deep', { [`${src}/a/b/c/d.ts`]: '' }, 'nested too deeply'],
  ])('refuses %s', (title, files, reason) => {
    expect(() => take(submit(`limits-${title}`, files))).toThrow(reason)
  })
})

describe('the judge’s report', () => {
  const line = { step: '3.1', status: 'wrong', passed: 0, total: 1, detail: '' }

  it('is believed only where it is well formed, and the first time', () => {
    const forged = { ...line, status: 'passed', passed: 1 }
    const lines = ['nonsense', '{"step":"3.2","status":"excellent"}', JSON.stringify(line), JSON.stringify(forged)]
    expect(parseReport(lines.join('\n'))).toEqual([line])
  })
})
