/**
 * Real processes, real faults, and the strictest question that one can ask of their answers.
 *
 * A few faults here; `npm run soak -- etcd-processes` goes on for as long as one likes.
 */
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'
import { bundleEtcd, type EtcdProgram } from '#kit/trust/etcd-program.ts'
import { runTrial, SNAPSHOTS_OFTEN, type TrialRecord } from '#kit/trust/etcd-trial.ts'
import { assertLinearizable } from '#kit/trust/explain-history.ts'
import { faults } from '#kit/trust/faults.ts'
import { judgeTrial } from '#kit/trust/judge-trial.ts'
import { inventedEvents, lostWrites, replayHistory } from '#kit/trust/store-history.ts'

const LIMIT_MS = 300_000
const newSeed = () => Number(process.env.SEED ?? Date.now() % 1_000_000)

const clusters = [
  { members: 3, sequence: [faults.killLeader!, faults.sleepyLeader!, faults.isolateLeader!, faults.deafLeader!] },
  { members: 5, sequence: [faults.minorityWithLeader!, faults.killMajority!] },
]

describe.each(clusters)('$members members under faults', ({ members, sequence }) => {
  const seed = newSeed()
  let program: EtcdProgram
  let record: TrialRecord

  beforeAll(async () => {
    program = await bundleEtcd()
    record = await runTrial({ seed, members, program, flags: SNAPSHOTS_OFTEN, faults: sequence })
  }, LIMIT_MS)
  afterAll(() => program?.remove())

  lesson(
    'what clients were told fits one order of all they asked',
    {
      scenario: `Clients put, read, swap and delete a few keys through every member. Meanwhile: ${sequence.map(({ name }) => name).join('; ')}.`,
      rule: 'The cluster behaves like one store that does one thing after another, each between its call and its answer.',
      source: 'Herlihy & Wing (1990); etcd, "KV API guarantees"',
    },
    (context) => {
      context.seed(seed)
      expect(record.operations.length).toBeGreaterThan(100)
      assertLinearizable(record.operations, record.story)
    },
  )

  lesson(
    'no acknowledged write is lost, and none is made up',
    {
      scenario:
        'When all are well again, a watch from the first revision on one of them is compared with what clients were told.',
      rule: 'What was acknowledged is durable, at the revision that was acknowledged.',
      source: 'Raft §5.4; etcd, "KV API guarantees"',
    },
    (context) => {
      context.seed(seed)
      const { history, problems } = replayHistory(record.history)
      const { operations, story } = record
      expect([...problems, ...lostWrites(operations, history), ...inventedEvents(operations, history)], story).toEqual(
        [],
      )
    },
  )

  lesson(
    'all members hold the same, before and after all of them were killed',
    {
      scenario:
        'Each member is asked for its keys and for the hash of its history; then all are killed, started, and asked again.',
      rule: 'State machines that apply the same log are equal, and replaying the log makes the same state.',
      source: 'Raft §2, §5.3; etcd HashKV',
    },
    (context) => {
      context.seed(seed)
      expect(record.differences, record.story).toEqual([])
    },
  )
})

describe('the trial itself', () => {
  lesson(
    'finds reads from a leader that was deposed in its sleep',
    {
      scenario: 'A build that answers reads without asking whether it still leads goes through the same trial.',
      rule: 'A check that has never failed has shown nothing.',
      source: 'Raft §8',
      timeoutMs: LIMIT_MS,
    },
    async (context) => {
      const program = await bundleEtcd('reads-from-a-deposed-leader')
      const seed = newSeed()
      context.seed(seed)
      try {
        const sequence = [faults.sleepyLeader!, faults.sleepyLeader!]
        const tryOut = async (attempt: number) =>
          judgeTrial(await runTrial({ seed: seed + attempt, members: 3, program, faults: sequence }))
        // It answers from the past only for as long as it believes to lead: on a clumsy machine, nobody may ask just then.
        for (let attempt = 0; attempt < 4; attempt++) {
          const [outcome] = await Promise.allSettled([tryOut(attempt)])
          if (outcome.status === 'fulfilled') continue
          const { message } = outcome.reason as Error
          expect(message).toMatch(/^Not linearizable.*answered from the past/s)
          return removePage(message)
        }
        expect.fail('four trials found nothing')
      } finally {
        await program.remove()
      }
    },
  )
})

describeWith(['etcd'], 'the real etcd in the same trial', () => {
  lesson(
    'has nothing found against it',
    {
      scenario: "Three members of the distribution's etcd, behind the same proxies, under the same faults.",
      rule: 'A check that refuses the original is wrong.',
      source: 'etcd, "API guarantees"',
      timeoutMs: LIMIT_MS,
    },
    async (context) => {
      const seed = newSeed()
      context.seed(seed)
      const sequence = [faults.sleepyLeader!, faults.killLeader!]
      judgeTrial(await runTrial({ seed, members: 3, program: 'real', askProgress: false, faults: sequence }))
    },
  )
})

/** Nobody needs the picture of a failure that was wanted. */
async function removePage(message: string): Promise<void> {
  const path = /The history as a page: (\S+)$/.exec(message)?.[1]
  if (path) await rm(dirname(path), { recursive: true })
}
