/**
 * What watchers may rely on, while members are killed, paused and cut off: each guarantee of etcd's a test of its own.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { lesson } from '#kit/testing/lesson.ts'
import { bundleEtcd, type EtcdProgram } from '#kit/trust/etcd-program.ts'
import { runTrial, SNAPSHOTS_OFTEN, type TrialRecord } from '#kit/trust/etcd-trial.ts'
import { faults } from '#kit/trust/faults.ts'
import { judgeTrial } from '#kit/trust/judge-trial.ts'
import { replayHistory } from '#kit/trust/store-history.ts'
import { allEvents, watchGuarantees } from '#kit/trust/watch-guarantees.ts'

const LIMIT_MS = 300_000
const SOURCE = 'etcd, "Watch API guarantees"'
const sequence = [faults.killLeader!, faults.flappingLinks!, faults.pauseFollower!, faults.isolateFollower!]
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

describe('watches under faults', () => {
  let program: EtcdProgram
  let record: TrialRecord

  beforeAll(async () => {
    program = await bundleEtcd()
    record = await runTrial({ seed, members: 3, program, flags: SNAPSHOTS_OFTEN, faults: sequence })
  }, LIMIT_MS)
  afterAll(() => program?.remove())

  for (const { name, rule, check } of watchGuarantees) {
    lesson(
      `watches are ${name}`,
      {
        scenario: `Watchers go from member to member, each time from where they were. Meanwhile: ${sequence.map((fault) => fault.name).join('; ')}.`,
        rule,
        source: SOURCE,
      },
      (context) => {
        context.seed(seed)
        const { history } = replayHistory(record.history)
        const found = record.watches.flatMap((watch) => check(watch, history).map((what) => `"${watch.name}": ${what}`))
        expect(found, record.story).toEqual([])
      },
    )
  }

  lesson(
    'there was something to see',
    {
      scenario: 'The recordings of the same watchers are counted.',
      rule: 'A guarantee about no events, no moves and no notices would be worth nothing.',
      source: SOURCE,
    },
    () => {
      const sessions = record.watches.flatMap((watch) => watch.sessions)
      expect(sessions.length, 'connections').toBeGreaterThan(record.watches.length)
      expect(record.watches.flatMap(allEvents).length, 'events').toBeGreaterThan(100)
      const notices = sessions.flatMap(({ responses }) => responses).filter(({ kind }) => kind === 'progress')
      expect(notices.length, 'progress notices').toBeGreaterThan(5)
      expect(
        record.history.some((event, index) => event.modRevision === record.history[index + 1]?.modRevision),
        'a revision of two events',
      ).toBe(true)
    },
  )
})

describe('the trial itself', () => {
  lesson(
    'finds a watch that skips a revision when it is taken up again',
    {
      scenario: 'A build with that mistake goes through a short trial.',
      rule: 'A check that has never failed has shown nothing.',
      source: SOURCE,
      timeoutMs: LIMIT_MS,
    },
    async (context) => {
      context.seed(seed)
      const program = await bundleEtcd('skips-a-revision-in-catch-up')
      try {
        const record = await runTrial({ seed, members: 3, program, faults: [faults.isolateFollower!] })
        expect(() => judgeTrial(record)).toThrow(/is not reliable.*was left out, and the watch went on/s)
      } finally {
        await program.remove()
      }
    },
  )
})
