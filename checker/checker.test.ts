/** The checker's first form, tried on submissions that are honest, wrong, stuck, noisy and hostile. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPaint } from '../kit/cli/terminal/paint.ts'
import { type Lab, readCatalog } from '../kit/labs/catalog.ts'
import { createSmallRepository, type SmallRepository, writeFiles } from '../kit/testing/small-repository.ts'
import { gradeAll, gradeOne, type SubmissionGrade } from './grade.ts'
import { RejectedSubmission, takeIn } from './intake.ts'
import { processIsolation } from './isolate.ts'
import { parseReport } from './judge.ts'
import { tableOf, writeReports } from './report.ts'

const BOUNDS = { timeoutMs: 60_000, stuckAfterMs: 3_000, outputBytes: 1_000_000 }

let small: SmallRepository
let labs: Lab[]
let submissions: string

beforeAll(() => {
  small = createSmallRepository()
  submissions = mkdtempSync(join(tmpdir(), 'submissions-'))
  labs = readCatalog(small.root)
})

afterAll(() => {
  small.remove()
  rmSync(submissions, { recursive: true, force: true })
})

const src = 'labs/03-scheduler/src'

function submit(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(submissions, name, src), { recursive: true })
  return writeFiles(join(submissions, name), files)
}

const grade = (checkout: string, bounds = BOUNDS) =>
  gradeOne(checkout, { root: small.root, labs, isolation: processIsolation, bounds })
const statuses = (result: SubmissionGrade) =>
  result.labs[0]?.steps.map((step) => `${step.step} ${step.status} ${step.points}`)

describe('grading', { timeout: 60_000 }, () => {
  it('gives a right submission all points', async () => {
    const result = await grade(submit('right', { [`${src}/add.ts`]: small.add, [`${src}/plus.ts`]: small.plus }))
    expect(statuses(result)).toEqual(['3.1 passed 10', '3.2 passed 20'])
    expect([result.status, result.points, result.maxPoints]).toEqual(['graded', 30, 30])
  })

  it('gives the stubs none, without running them', async () => {
    const stubs = join(small.root, src)
    const checkout = submit('stubs', { [`${src}/add.ts`]: readFileSync(join(stubs, 'add.ts'), 'utf8') })
    expect(statuses(await grade(checkout))).toEqual(['3.1 not begun 0', '3.2 not begun 0'])
  })

  it('tells a wrong step from a right one and says what failed', async () => {
    const wrong = small.add.replace('a + b', 'a - b')
    const result = await grade(submit('wrong', { [`${src}/add.ts`]: wrong, [`${src}/plus.ts`]: small.plus }))
    expect(statuses(result)).toEqual(['3.1 wrong 0', '3.2 passed 20'])
    expect(result.labs[0]?.steps[0]?.detail).toContain('expected -1 to be 3')
  })

  it('ignores the tests, configuration and packages of a submission', async () => {
    const result = await grade(
      submit('cunning', {
        [`${src}/add.ts`]: small.add.replace('a + b', '0'),
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
    const loop = small.add.replace('return a + b', 'while (true) a = b')
    const result = await grade(submit('loop', { [`${src}/add.ts`]: loop, [`${src}/plus.ts`]: small.plus }))
    expect(statuses(result)).toEqual(['3.1 broken 0', '3.2 passed 20'])
    expect(result.labs[0]?.steps[0]?.detail).toContain('endless loop')
  })

  it('keeps to its time limit, whatever the code does', async () => {
    const loop = `await new Promise((done) => setTimeout(done, 60_000))\n${small.add}`
    const result = await grade(submit('slow', { [`${src}/add.ts`]: loop }), { ...BOUNDS, timeoutMs: 3_000 })
    expect(statuses(result)?.[0]).toBe('3.1 timeout 0')
  })

  it('keeps to its output limit', async () => {
    const loud = `import { writeSync } from 'node:fs'\nfor (;;) writeSync(1, 'x'.repeat(10_000))\n${small.add}`
    const result = await grade(submit('loud', { [`${src}/add.ts`]: loud }), { ...BOUNDS, outputBytes: 100_000 })
    expect(result.points).toBe(0)
    expect(['3.1 output 0', '3.1 broken 0']).toContain(statuses(result)?.[0])
  })

  it('survives code that ends its process', async () => {
    const result = await grade(
      submit('exit', { [`${src}/add.ts`]: `process.exit(0)\n${small.add}`, [`${src}/plus.ts`]: small.plus }),
    )
    expect(result.status).toBe('graded')
    expect(statuses(result)?.[0]).toBe('3.1 broken 0')
    expect(statuses(result)?.[1]).toBe('3.2 passed 20')
  })

  it('goes on with the next submission when one cannot be graded', async () => {
    const linked = submit('linked', {})
    symlinkSync('/etc/hostname', join(linked, src, 'add.ts'))
    const checkouts = [linked, join(submissions, 'nowhere'), submit('last', {})]
    const results = await gradeAll(checkouts, { root: small.root, labs, isolation: processIsolation, bounds: BOUNDS })
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
