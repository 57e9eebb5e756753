/** The harness itself, with benchmarks that take no time. */
import { expect, it } from 'vitest'
import type { Benchmark } from './benchmark.ts'
import { type RunOptions, runBenchmarks } from './run-benchmarks.ts'

function optionsWith(controller = new AbortController()) {
  const said: string[] = []
  const options: RunOptions = {
    quick: true,
    signal: controller.signal,
    progress: (name, what) => said.push(`${name}: ${what}`),
  }
  return { options, said }
}

const trivial: Benchmark = {
  name: 'trivial',
  about: 'Adds one and one',
  async run(context) {
    context.progress('adding')
    context.measured({ what: '1 + 1', unit: 'ms', ours: { value: 2 } })
    context.note('It was two.')
  },
}

it('hands back figures and notes, and shows progress', async () => {
  const { options, said } = optionsWith()
  const [outcome] = await runBenchmarks([trivial], options)
  expect(outcome).toMatchObject({ name: 'trivial', status: 'measured', notes: ['It was two.'] })
  expect(outcome?.figures).toEqual([{ what: '1 + 1', unit: 'ms', ours: { value: 2 } }])
  expect(said).toEqual(['trivial: adding'])
})

it('cleans up after a benchmark that fails, last things first, keeps its figures, and goes on with the next', async () => {
  const undone: string[] = []
  const failing: Benchmark = {
    ...trivial,
    name: 'failing',
    async run(context) {
      context.cleanup(() => void undone.push('directory'))
      context.cleanup(() => Promise.reject(new Error('stuck')))
      context.cleanup(() => void undone.push('process'))
      await trivial.run(context)
      throw new Error('the server died')
    },
  }
  const outcomes = await runBenchmarks([failing, trivial], optionsWith().options)
  expect(undone).toEqual(['process', 'directory'])
  expect(outcomes[0]).toMatchObject({ status: 'failed', reason: expect.stringContaining('the server died') })
  expect(outcomes[0]?.figures).toHaveLength(1)
  expect(outcomes[0]?.notes.at(-1)).toContain('stuck')
  expect(outcomes[1]?.status).toBe('measured')
})

it('lists a benchmark that cannot run as skipped, with its reason', async () => {
  const impossible: Benchmark = { ...trivial, obstacle: async () => 'it needs a Docker engine' }
  const [outcome] = await runBenchmarks([impossible], optionsWith().options)
  expect(outcome).toMatchObject({ status: 'skipped', reason: 'it needs a Docker engine', figures: [] })
})

it('stops everything on Ctrl-C, and still cleans up', async () => {
  const controller = new AbortController()
  let cleaned = false
  const interrupted: Benchmark = {
    ...trivial,
    async run(context) {
      context.cleanup(() => {
        cleaned = true
      })
      await trivial.run(context)
      controller.abort()
      context.signal.throwIfAborted()
    },
  }
  const outcomes = await runBenchmarks([interrupted, trivial], optionsWith(controller).options)
  expect(outcomes.map(({ status }) => status)).toEqual(['interrupted'])
  expect(outcomes[0]?.figures).toHaveLength(1)
  expect(cleaned).toBe(true)
})
