/** The learner's commands from the outside: what they print, and above all how they exit. */
import { describe, expect, it } from 'vitest'
import { runCommand } from '../gate/command-line.ts'
import { readCatalog } from '../labs/catalog.ts'

const run = (...args: string[]) => runCommand(args, 60_000)
const lab = readCatalog()[0]!
const step = lab.steps[0]!

describe('a typo', () => {
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
