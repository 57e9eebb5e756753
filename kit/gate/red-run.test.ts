/** The gate, part two: on the stubs every step of every lab fails, and says what to write. */
import { beforeAll, describe, expect, it } from 'vitest'
import { readCatalog } from '../labs/catalog.ts'
import { type CommandResult, runCommand } from './command-line.ts'
import type { RedStep } from './red-run.ts'

const DEADLINE_MS = 180_000

describe('on the stubs', () => {
  let result: CommandResult
  let steps: RedStep[]

  beforeAll(async () => {
    result = await runCommand(['red', '--json'], DEADLINE_MS)
    steps = JSON.parse(result.stdout || '[]') as RedStep[]
  }, DEADLINE_MS + 5_000)

  it('the run comes to an end', () => {
    expect(result.exitCode, result.stderr).toBeDefined()
  })

  for (const lab of readCatalog()) {
    it.each(lab.steps.map(({ id, title }) => ({ id, title })))(
      'step $id ($title) fails, naming itself and each of its parts',
      ({ id }) => {
        const step = steps.find((each) => each.step === id)
        expect(step?.problems ?? [`did not run: ${result.stderr}`]).toEqual([])
        expect(step?.failed).toBeGreaterThan(0)
      },
    )
  }
})
