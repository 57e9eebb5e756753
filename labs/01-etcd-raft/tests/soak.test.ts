import { describe, expect } from 'vitest'
import { repositoryRoot } from '#kit/labs/catalog.ts'
import { playOrThrow, playScenario } from '#kit/sim/raft/scenario.ts'
import { soakScenario } from '#kit/sim/raft/scenarios/soak.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { createCore, seeds } from './fixtures.ts'

/** In parts, so that none takes long; `npm run soak -- etcd` goes on from there. */
const PART = 20
const PARTS = 10

describe('everything at once', () => {
  const { title, scenario, rule, source } = soakScenario
  for (const from of seeds(PARTS).map((part) => 1 + (part - 1) * PART)) {
    const about = `${title}: seeds ${from} to ${from + PART - 1}`
    lesson(about, { scenario, rule, source, timeoutMs: 120_000 }, ({ seed, trace }) => {
      for (const number of seeds(PART, from)) {
        seed(number)
        playOrThrow(soakScenario, number, createCore, repositoryRoot, ({ path }) => trace(path))
      }
    })
  }

  lesson(
    'the same seed is the same run, to the last event',
    {
      scenario: 'Ten seeds are played twice each.',
      rule: 'A run follows from its seed and the code alone: what failed once can be looked at as often as one likes.',
      source: 'kit/sim/raft/simulator.ts',
    },
    () => {
      for (const seed of seeds(10)) {
        const [once, again] = [0, 1].map(() => JSON.stringify(playScenario(soakScenario, seed, createCore).trace))
        expect(once === again, `seed ${seed} gives the same trace twice`).toBe(true)
      }
    },
  )
})
