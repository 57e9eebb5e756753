/** `npm run trace` from the outside: what it says, what it writes, how it exits. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runCommand } from '../gate/command-line.ts'
import { repositoryRoot } from '../labs/catalog.ts'

const run = (...args: string[]) => runCommand(['trace', ...args], 60_000)

describe('npm run trace', { timeout: 60_000 }, () => {
  it('lists what there is to look at', async () => {
    const { exitCode, stdout } = await run()
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/1\.1 +initial-election/)
    expect(stdout).toMatch(/1\.4 +figure-8 /)
  })

  it('writes the page of a run, which the seed makes again exactly', async () => {
    const pages: string[] = []
    for (let time = 0; time < 2; time++) {
      const { exitCode, stdout } = await run('1.1', '--seed', '42', '--solution', '--json')
      const { page, passed } = JSON.parse(stdout)
      expect([exitCode, passed, page]).toEqual([0, true, '.lab/traces/lab-1-1.1-initial-election-seed-42.html'])
      expect(existsSync(join(repositoryRoot, page))).toBe(true)
      pages.push(readFileSync(join(repositoryRoot, page), 'utf8'))
    }
    expect(pages[0] === pages[1]).toBe(true)
  })

  it.each([
    [['1.6'], 'Step "1.6" has no simulated scenario'],
    [['1.1', '--scenario', 'nonsense'], 'There is no scenario "nonsense"'],
    [['1.1', '--seed', 'x'], '--seed is a whole number'],
  ])('(%s) says what is wrong, without a stack trace, exit code 2', async (args, message) => {
    const { exitCode, stderr } = await run(...args)
    expect(stderr).toContain(message)
    expect(stderr).not.toMatch(/^\s+at /m)
    expect(exitCode).toBe(2)
  })
})
