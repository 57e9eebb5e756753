import { describe, expect } from 'vitest'
import { Raft } from '#etcd/raft/raft.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { appendResponse, leaderState, onlyMessage, progressAt, progressOf, seeds, simulate } from './fixtures.ts'

const committed = { log: '1:x 2:', commitIndex: 2 }

describe('beginning a read', () => {
  const story = {
    scenario: 'Leader a of term 2, which has committed up to index 2, is asked to read.',
    rule: 'Note the commit index, and ask everyone whether we still lead.',
    source: "Ongaro's thesis §6.4",
  }

  lesson('notes the commit index and starts a round that everyone hears of', story, () => {
    const raft = new Raft(leaderState(committed))
    raft.readIndex('r1')
    const { pendingReads, progress } = raft.inspect()
    expect(pendingReads, 'reads that wait').toEqual([{ context: 'r1', from: 'a', index: 2, round: 1 }])
    expect(progress.a!.readRound, 'our own answer').toBe(1)
    expect(raft.inspect().mustAnnounce, 'mustAnnounce').toBe(true)
    const { a, b, c } = raft.inspect().progress
    const rounds = { a: a!.readRound, b: b!.readRound, c: c!.readRound }
    expect(rounds, 'the round that each has answered').toEqual({ a: 1, b: 0, c: 0 })
  })

  lesson(
    'does not wait for what is not decided yet',
    {
      scenario: 'Leader a of term 2 has four entries in its log, of which two are committed. It is asked to read.',
      rule: 'A read must see what was acknowledged before; what is only in a log was not, and may never be.',
      source: "Ongaro's thesis §6.4",
    },
    () => {
      const raft = new Raft(leaderState({ log: '1:x 2: 2:y 2:z', commitIndex: 2 }))
      raft.readIndex('r1')
      expect(raft.inspect().pendingReads, 'reads that wait').toEqual([{ context: 'r1', from: 'a', index: 2, round: 1 }])
    },
  )

  lesson('gives each read its own round', story, () => {
    const raft = new Raft(leaderState(committed))
    raft.readIndex('r1')
    raft.readIndex('r2')
    expect(raft.inspect().pendingReads.map(({ context, round }) => `${context} ${round}`)).toEqual(['r1 1', 'r2 2'])
    expect(raft.inspect().readRound, 'readRound').toBe(2)
  })

  lesson(
    'waits until the leader has committed something in its own term',
    {
      scenario:
        'Leader a of term 2 has just been elected; what it knows to be committed is of term 1, and may not be all. It is asked to read; then b has the first entry of term 2, too.',
      rule: 'A new leader does not know the latest commit index until an entry of its term is committed.',
      source: 'Raft §8',
    },
    () => {
      const raft = new Raft(
        leaderState({ log: '1:x 2:', commitIndex: 1, progress: progressOf({ a: [2, 3], b: [1, 3], c: [1, 3] }) }),
      )
      raft.readIndex('early')
      expect(raft.inspect(), 'while only term 1 is committed').toMatchObject({
        pendingReads: [],
        earlyReads: [{ context: 'early', from: 'a' }],
        readRound: 0,
      })
      raft.step(appendResponse({ matchIndex: 2 }))
      raft.ready()
      expect(raft.inspect(), 'once term 2 is, and nobody has answered the round').toMatchObject({
        earlyReads: [],
        pendingReads: [{ context: 'early', index: 2, round: 1 }],
      })
    },
  )
})

describe('confirming a read', () => {
  lesson(
    'counts answers to this round or a later one, never an older one',
    {
      scenario:
        'Round 3 is under way. Follower b answers round 2 (it was on its way before), then round 3, then the old answer comes again.',
      rule: 'Only an answer to a message that was sent after the read began shows that we led then.',
      source: "Ongaro's thesis §6.4",
    },
    () => {
      const raft = new Raft(leaderState(committed))
      const roundOf = (id: string) => raft.inspect().progress[id]!.readRound
      raft.step(appendResponse({ matchIndex: 2, readRound: 2 }))
      expect(roundOf('b'), 'after the answer to round 2').toBe(2)
      raft.step(appendResponse({ matchIndex: 2, readRound: 3 }))
      raft.step(appendResponse({ matchIndex: 2, readRound: 2 }))
      expect(roundOf('b'), 'after answers to rounds 3 and 2').toBe(3)
    },
  )

  lesson(
    'releases what a majority has confirmed, in order, and keeps the rest waiting',
    {
      scenario:
        'Reads of rounds 1 to 4 wait; the first was asked by follower c. Of three members, a and b have answered round 2.',
      rule: 'With a majority’s answer to a round, all reads up to that round may be served; a follower gets its index back.',
      source: "Ongaro's thesis §6.4",
    },
    () => {
      const progress = {
        a: progressAt({ matchIndex: 2, nextIndex: 3, readRound: 4 }),
        b: progressAt({ matchIndex: 2, nextIndex: 3, readRound: 2 }),
        c: progressAt({ matchIndex: 2, nextIndex: 3, readRound: 0 }),
      }
      const pendingReads = [
        { context: 'one', from: 'c', index: 1, round: 1 },
        { context: 'two', from: 'a', index: 1, round: 2 },
        { context: 'three', from: 'a', index: 2, round: 3 },
        { context: 'four', from: 'a', index: 2, round: 4 },
      ]
      const raft = new Raft(leaderState({ ...committed, readRound: 4, progress, pendingReads }))
      const { reads, messages } = raft.ready()
      expect(reads, 'what a itself may read, at the index noted').toEqual([{ context: 'two', index: 1 }])
      expect(onlyMessage(messages, 'ReadIndexResponse')).toMatchObject({ to: 'c', context: 'one', index: 1 })
      const waiting = raft.inspect().pendingReads.map(({ context }) => context)
      expect(waiting, 'reads that still wait').toEqual(['three', 'four'])
      expect(raft.ready().reads, 'served once').toEqual([])
    },
  )

  lesson(
    'members without a vote confirm nothing',
    {
      scenario: 'Leader a of the voters a, b, c has the learners d and e. Both learners answer its round; then b does.',
      rule: 'Only a majority of the voters can elect another leader, so only a majority of the voters can say that there is none.',
      source: "Ongaro's thesis §6.4, §4.2.1",
    },
    () => {
      const all = [2, 3] as const
      const progress = progressOf({ a: all, b: all, c: all, d: all, e: all })
      const raft = new Raft(leaderState({ ...committed, learners: ['d', 'e'], progress }))
      raft.readIndex('r')
      for (const from of ['d', 'e']) raft.step(appendResponse({ from, matchIndex: 2, readRound: 1 }))
      expect(raft.ready().reads, 'after both learners').toEqual([])
      raft.step(appendResponse({ from: 'b', matchIndex: 2, readRound: 1 }))
      expect(raft.ready().reads, 'after a voter').toEqual([{ context: 'r', index: 2 }])
    },
  )

  lesson(
    'a leader alone reads at once',
    {
      scenario: 'A cluster of one.',
      rule: 'The majority of one is one.',
      source: "Ongaro's thesis §6.4",
    },
    () => {
      const raft = new Raft(leaderState({ ...committed, voters: ['a'], progress: progressOf({ a: [2, 3] }) }))
      raft.readIndex('r')
      expect(raft.ready().reads).toEqual([{ context: 'r', index: 2 }])
    },
  )
})

describe('reads in a cluster', () => {
  lesson(
    'a deposed leader that does not know it serves no read',
    {
      scenario:
        'The leader is cut off; the others elect a new one and decide a command. The old leader, which still believes it leads, is asked to read.',
      rule: 'A read must see what was acknowledged before it began.',
      source: 'Raft §8, "read-only operations"',
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const cluster = simulate({ members: 3, seed: number })
        cluster.runUntil(() => cluster.leader() !== undefined, 5000)
        cluster.run(200)
        const old = cluster.leader()!
        const rest = cluster.ids.filter((id) => id !== old)
        cluster.partition([old], rest)
        cluster.run(2000)
        expect(cluster.status(old)?.role, 'the old leader has heard nothing').toBe('leader')
        cluster.read(old, 'stale')
        cluster.run(500)
        expect(cluster.reads(old), `reads served by the deposed leader, seed ${number}`).toEqual([])
      }
    },
  )

  lesson(
    'every read sees what was decided before it, on every member, under faults',
    {
      scenario:
        'Members lead and follow, messages get lost, late and doubled. Each read is compared with what had been decided anywhere when it began.',
      rule: 'Linearizability: a read that begins after a write was acknowledged sees it.',
      source: "Ongaro's thesis §6.4",
    },
    ({ seed }) => {
      let served = 0
      for (const number of seeds(30)) {
        seed(number)
        const faults = { loss: 0.05, duplication: 0.1, maxDelayMs: 30, crash: 0.002 }
        const cluster = simulate({ members: 3, seed: number, faults })
        const { random, ids } = cluster
        const decidedWhenAsked = new Map<string, number>()
        const seen = new Set<string>()
        for (let round = 0; round < 60; round++) {
          cluster.propose(random.pick(ids), String(round))
          if (random.chance(0.1)) cluster.partition([random.pick(ids)], ids)
          if (random.chance(0.3)) cluster.heal()
          const context = `read ${round}`
          decidedWhenAsked.set(context, cluster.judge.committed.length)
          cluster.read(random.pick(ids), context)
          cluster.run(random.below(120))
          for (const id of ids) {
            for (const read of cluster.reads(id)) {
              const key = `${id} ${read.context}`
              if (seen.has(key)) continue
              seen.add(key)
              served++
              const decided = decidedWhenAsked.get(read.context)!
              expect(read.index, `index of ${read.context} on ${id}, seed ${number}`).toBeGreaterThanOrEqual(decided)
            }
          }
        }
      }
      expect(served, 'reads served in all runs').toBeGreaterThan(300)
    },
  )
})
