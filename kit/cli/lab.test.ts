/** The learner's commands from the outside: what they print, and above all how they exit. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../gate/command-line.ts'
import { readCatalog, repositoryRoot } from '../labs/catalog.ts'
import { createSmallRepository, type SmallRepository, writeFiles } from '../testing/small-repository.ts'

const run = (...args: string[]) => runCommand(args, 60_000)
const lab = readCatalog()[0]!
const step = lab.steps[0]!

describe('a typo', { timeout: 60_000 }, () => {
  it.each([
    [['lab', '9'], 'There is no lab "9"', `  ${lab.number}  ${lab.title}`],
    [['lab', `${lab.number}.99`], `has no step "${lab.number}.99"`, `  ${step.id}  ${step.title}`],
    [['hint', String(lab.number)], 'Which step', `  ${step.id}  ${step.title}`],
    [['guide'], 'Which lab?', `  ${lab.number}  ${lab.title}`],
    [['reset', 'x'], 'There is no lab "x"', `  ${lab.number}  ${lab.title}`],
    [['lab', '--wach'], "Unknown option '--wach'", ''],
    [['laboratory'], 'There is no command "laboratory"', 'lab, hint'],
  ])('(%s) gets the list of what exists, without a stack trace, and exit code 2', async (args, message, list) => {
    const { exitCode, stderr } = await run(...args)
    expect(stderr).toContain(message)
    expect(stderr).toContain(list)
    expect(stderr).not.toMatch(/^\s+at /m)
    expect(exitCode).toBe(2)
  })
})

describe('a command', { timeout: 60_000 }, () => {
  it.each([
    'lab',
    'hint',
    'reset',
    'solution',
    'guide',
    'doctor',
    'checker',
    'bench',
    'stubs',
    'mutants',
    'red',
    'test',
  ])('%s explains itself', async (command) => {
    const { exitCode, stdout } = await run(command, '--help')
    expect(stdout).toMatch(new RegExp(`^(npm (run )?|node kit/cli/start.mjs )${command}\\b[^:]*:\\s`))
    expect(exitCode).toBe(0)
  })

  it('ends without a word when nobody reads on', async () => {
    const child = spawn(process.execPath, [join(repositoryRoot, 'kit/cli/start.mjs'), 'guide', '1'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    child.stdout.destroy()
    const exitCode = await new Promise((resolve) => child.on('close', resolve))
    expect({ exitCode, stderr }).toEqual({ exitCode: 141, stderr: '' })
  })
})

describe('a learner’s way through a lab', { timeout: 60_000 }, () => {
  let small: SmallRepository

  beforeAll(() => {
    small = createSmallRepository()
  })
  afterAll(() => small.remove())

  const inSmall = (...args: string[]) => runCommand(args, 60_000, small.root)
  const edit = (file: string, text: string) => writeFiles(small.root, { [`labs/03-scheduler/src/${file}`]: text })

  it('begins red: the first step is not begun, and the next ones are not run', async () => {
    const { exitCode, stdout } = await inSmall('lab', '3')
    expect(stdout).toContain('○ 3.1  Step 1')
    expect(stdout).toContain('not implemented yet: labs/03-scheduler/src/add.ts')
    expect(stdout).toContain('· 3.2  Step 2')
    expect(exitCode).toBe(1)
  })

  it('shows the solution alone, while there is nothing of the learner’s to lay beside it', async () => {
    const { stdout } = await inSmall('solution', '3.1')
    expect(stdout).toContain('labs/03-scheduler/src/add.ts: not written yet')
    expect(stdout).toContain('return a + b')
    expect(stdout).not.toContain('NotImplemented')
  })

  it('shows on the map that nothing is begun', async () => {
    const { exitCode, stdout } = await inSmall('lab')
    expect(stdout).toContain('0 of 30 points')
    expect(stdout).toContain('npm run lab 3.1')
    expect(exitCode).toBe(0)
  })

  it('goes on: a right step passes by itself, and the lab stops at the next', async () => {
    edit('add.ts', small.add)
    const one = await inSmall('lab', '3.1')
    expect(one.stdout).toContain('Step 3.1 passes.')
    expect(one.exitCode).toBe(0)

    const all = await inSmall('lab', '3')
    expect(all.stdout).toContain('✔ 3.1')
    expect(all.stdout).toContain('○ 3.2')
    expect(all.exitCode).toBe(1)
  })

  it('tells what is wrong, with the words of the lesson, the seed, and what the code printed', async () => {
    edit('plus.ts', small.plus.replace('return a + b', "console.log('plus', a, b)\n  return a - b"))
    const { exitCode, stdout } = await inSmall('lab', '3.2')
    for (const words of [
      'You add 1 and 2.',
      'Your code   -1',
      'Expected    3',
      'Sums are sums.',
      'Peano',
      'Seed        7',
    ]) {
      expect(stdout).toContain(words)
    }
    expect(stdout).toContain('plus 1 2')
    expect(stdout).not.toMatch(/^\s+at /m)
    expect(exitCode).toBe(1)
  })

  it('shows the line of the learner’s file that threw', async () => {
    edit('plus.ts', small.plus.replace('return a + b', 'return JSON.parse("{") + a'))
    const { stdout } = await inSmall('lab', '3.2')
    expect(stdout).toContain('threw SyntaxError')
    expect(stdout).toMatch(/Where {7}labs\/03-scheduler\/src\/plus\.ts:9:\d+/)
  })

  it('shows a file that does not parse as such', async () => {
    edit('plus.ts', small.plus.replace('a + b', 'a + ('))
    const { exitCode, stdout } = await inSmall('lab', '3.2')
    expect(stdout).toContain('does not run')
    expect(stdout).toContain('plus.ts')
    expect(exitCode).toBe(1)
  })

  it('does not call a step green when an error escapes its tests', async () => {
    edit('plus.ts', small.plus.replace('return a', "void Promise.reject(new Error('lost'))\n  return a"))
    const { exitCode, stdout } = await inSmall('lab', '3.2')
    expect(stdout).toContain('an error that nothing waited for: Error: lost')
    expect(stdout).not.toContain('Step 3.2 passes')
    expect(exitCode).toBe(1)
    edit('plus.ts', small.plus.replace('a + b', 'a + ('))
  })

  it('does not call tests skipped whose preparation has failed, unless parts of other steps are missing', async () => {
    const file = 'labs/03-scheduler/tests/step-1.test.ts'
    const before = readFileSync(join(small.root, file), 'utf8')
    edit('add.ts', small.add)
    const failingWith = (message: string) => `${before}
import { beforeAll, describe } from 'vitest'
describe('a server', () => {
  beforeAll(() => {
    throw new Error(${JSON.stringify(message)})
  })
  lesson('answers', { scenario: 'You ask.', rule: 'Who asks is answered.', source: 'Alice' }, () => {})
})
`
    writeFiles(small.root, { [file]: failingWith('nobody is at home') })
    const failed = await inSmall('lab', '3.1')
    expect(failed.stdout).toContain('nobody is at home')
    expect(failed.exitCode).toBe(1)
    const waits = 'not implemented yet: labs/03-scheduler/src/plus.ts, `plus` (step 3.2: Add)'
    writeFiles(small.root, { [file]: failingWith(waits) })
    const waiting = await inSmall('lab', '3.1')
    expect(waiting.stdout).toContain('1 test, 1 skipped')
    expect(waiting.exitCode).toBe(0)
    writeFiles(small.root, { [file]: before })
  })

  it('keeps the map true after every edit, cached or not', async () => {
    expect((await inSmall('lab')).stdout).toContain('10 of 30 points')
    expect((await inSmall('lab')).stdout).toContain('10 of 30 points')
    edit('plus.ts', small.plus)
    expect((await inSmall('lab')).stdout).toContain('30 of 30 points')
    edit('add.ts', small.add.replace('+', '-'))
    expect((await inSmall('lab')).stdout).toContain('20 of 30 points')
    edit('add.ts', small.add)
  })

  it('ends green, with exit code 0, for people and for scripts', async () => {
    const { exitCode, stdout } = await inSmall('lab', '3')
    expect(stdout).toContain('All 2 steps pass: 30 of 30 points.')
    expect(exitCode).toBe(0)

    const json = await inSmall('lab', '3', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, labs: [{ lab: 3, points: 30, maxPoints: 30 }] })
    expect(json.exitCode).toBe(0)
  })

  it('gives one more hint each time', async () => {
    const rungs = [await inSmall('hint', '3.1'), await inSmall('hint', '3.1'), await inSmall('hint', '3.1')]
    expect(
      rungs.map(({ stdout }) => ['a nudge', 'the idea', 'the code'].filter((hint) => stdout.includes(hint)).length),
    ).toEqual([1, 2, 3])
  })

  it('shows the solution beside the learner’s own', async () => {
    edit('add.ts', small.add.replace('a + b', 'b + a'))
    const { stdout } = await inSmall('solution', '3.1')
    expect(stdout).toContain('return b + a')
    expect(stdout).toContain('return a + b')
  })

  it('is told when there is no guide', async () => {
    const { exitCode, stderr } = await inSmall('guide', '3')
    expect(stderr).toContain('labs/03-scheduler/README.md is missing')
    expect(stderr).not.toMatch(/^\s+at /m)
    expect(exitCode).toBe(1)
  })

  it('starts over without losing anything', async () => {
    const { exitCode, stdout } = await inSmall('reset', '3')
    const folder = /^in (\S+)\/$/m.exec(stdout)?.[1] ?? ''
    expect(readFileSync(join(small.root, folder, 'add.ts'), 'utf8')).toContain('b + a')
    expect(existsSync(join(small.root, folder, 'plus.ts'))).toBe(true)
    expect(stdout).toContain(`cp -r ${folder}/. labs/03-scheduler/src/`)
    expect(readFileSync(join(small.root, 'labs/03-scheduler/src/add.ts'), 'utf8')).toContain('NotImplemented')
    expect(exitCode).toBe(0)
  })
})
