/**
 * What a failing simulation leaves behind: a page, and a message that says where it is and how to see the run again.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRaftState } from '#etcd/raft/create-state.ts'
import { Raft } from '#etcd/raft/raft.ts'
import { NotImplemented } from '../../contracts/not-implemented.ts'
import { type CreateCore, type FailurePage, playOrThrow, playScenario, type Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'

const create: CreateCore = (start) => new Raft(createRaftState(start))

const story: Scenario = {
  step: '1.3',
  name: 'impossible',
  title: 'nobody leads',
  scenario: 'Three members start.',
  rule: 'There is no rule.',
  source: 'none',
  seeds: 1,
  stage: { members: 3 },
  play(stage) {
    const leader = stage.leader()
    stage.check(leader === 'nobody', `${leader} leads`)
  },
}

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'scenario-'))
})
afterAll(() => rm(root, { recursive: true }))

function messageOf(run: () => void): string {
  try {
    run()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

describe('a scenario that fails', () => {
  it('leaves a page, and says where it is, with seed and command', () => {
    const pages: FailurePage[] = []
    const message = messageOf(() => playOrThrow(story, 42, create, root, (page) => pages.push(page)))
    expect(message).toMatch(/^[abc] leads\n/)
    expect(message).toContain('Seed 42')
    expect(message).toContain('.lab/traces/lab-1-1.3-impossible-seed-42.html')
    expect(message).toContain('npm run trace -- 1.3 --scenario impossible --seed 42')
    expect(pages.map(({ path }) => existsSync(join(root, path)))).toEqual([true])
  })

  it('ends its trace at the failure, with the rule', () => {
    const { trace, error } = playScenario(story, 42, create)
    expect(error).toBeInstanceOf(Error)
    expect(trace.failure).toMatchObject({ event: trace.events.length - 1, rule: 'There is no rule.' })
  })

  it('says of code that is not written only that', () => {
    const missing = new NotImplemented('1.1', 'tickElection', 'Lose patience', 'labs/x.ts')
    const unwritten: CreateCore = () => {
      throw missing
    }
    const before = existsSync(join(root, '.lab/traces/lab-1-1.3-impossible-seed-7.html'))
    expect(messageOf(() => playOrThrow(story, 7, unwritten, root))).toBe(missing.message)
    expect(existsSync(join(root, '.lab/traces/lab-1-1.3-impossible-seed-7.html'))).toBe(before)
  })
})

describe('scenarios', () => {
  it('have names of their own within their step', () => {
    const names = scenarios.map(({ step, name }) => `${step} ${name}`)
    expect(new Set(names).size).toBe(names.length)
  })

  it.each(scenarios.map((scenario) => [`${scenario.step} ${scenario.name}`, scenario] as const))(
    '%s: the same seed gives the same run',
    (_, scenario) => {
      const [once, again] = [0, 1].map(() => JSON.stringify(playScenario(scenario, 1, create).trace))
      expect(once === again).toBe(true)
    },
  )
})
