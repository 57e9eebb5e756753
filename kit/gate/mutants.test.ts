/** The gate, part three: every step's tests catch the classic mistakes. */
import { beforeAll, describe, expect, it } from 'vitest'
import { readCatalog, repositoryRoot as root } from '../labs/catalog.ts'
import { type CommandResult, runCommand } from './command-line.ts'
import { readMutants } from './mutants.ts'

const DEADLINE_MS = 300_000

const labs = readCatalog()
const { mutants, problems } = readMutants(root, labs)

describe('the mutants', () => {
  let result: CommandResult
  let verdicts: { step: string; name: string; verdict: string; detail: string }[]

  beforeAll(async () => {
    result = await runCommand(['mutants', '--json'], DEADLINE_MS)
    verdicts = result.stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
  }, DEADLINE_MS + 5_000)

  it('are well formed', () => {
    expect(problems).toEqual([])
  })

  it('all came to a verdict in time', () => {
    expect(result.exitCode, result.stderr).toBeDefined()
    expect(verdicts.length, result.stderr).toBe(mutants.length)
  })

  for (const lab of labs) {
    it.each(lab.steps.map(({ id, title }) => ({ id, title })))('of step $id ($title) are caught', ({ id }) => {
      const names = mutants.filter((mutant) => mutant.step.id === id).map((mutant) => mutant.name)
      expect(names.length, `step ${id} needs two mutants`).toBeGreaterThanOrEqual(2)
      expect(new Set(names).size, 'their names are unique').toBe(names.length)
      const escaped = verdicts.filter((each) => each.step === id && each.verdict !== 'caught')
      expect(escaped.map((each) => `${each.name} ${each.verdict}: ${each.detail}`)).toEqual([])
      expect(verdicts.filter((each) => each.step === id)).toHaveLength(names.length)
    })
  }
})
