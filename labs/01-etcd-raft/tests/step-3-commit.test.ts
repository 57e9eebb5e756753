import { describe, expect } from 'vitest'
import { entriesToApply, followerCommitIndex, leaderCommitIndex, quorumIndex } from '#etcd/raft/commit.ts'
import { Raft } from '#etcd/raft/raft.ts'
import { lesson } from '#kit/testing/lesson.ts'
import {
  appendRequest,
  appendResponse,
  entries,
  leaderState,
  log,
  logText,
  member,
  progressOf,
  seeds,
  simulate,
} from './fixtures.ts'

describe('quorumIndex', () => {
  lesson(
    'is what a majority has reached, in clusters of odd and even size',
    {
      scenario: 'Each voter has reached some index; the numbers come in any order.',
      rule: 'More than half of the voters must have it.',
      source: 'Raft §5.3',
    },
    () => {
      const ofMajority = (...reached: number[]) => ({ reached, majority: quorumIndex(reached) })
      expect(ofMajority(9, 2, 5)).toEqual({ reached: [9, 2, 5], majority: 5 })
      expect(ofMajority(1, 10, 3, 2, 10)).toEqual({ reached: [1, 10, 3, 2, 10], majority: 3 })
      expect(ofMajority(7, 7, 3, 3), 'two of four are no majority').toEqual({ reached: [7, 7, 3, 3], majority: 3 })
      expect(ofMajority(4, 8)).toEqual({ reached: [4, 8], majority: 4 })
      expect(ofMajority(6)).toEqual({ reached: [6], majority: 6 })
    },
  )

  lesson(
    'leaves the numbers as they were',
    {
      scenario: 'The caller goes on using its list.',
      rule: 'A pure function changes nothing it is given.',
      source: 'the rule for cores in this kit',
    },
    () => {
      const reached = [9, 2, 5]
      quorumIndex(reached)
      expect(reached, 'the list that was given').toEqual([9, 2, 5])
    },
  )
})

describe('leaderCommitIndex', () => {
  const leader = { log: log('1:a 2:b 2:c 4:d'), term: 4, commitIndex: 1 }

  lesson(
    'never commits an entry of an older term by counting',
    {
      scenario:
        'Figure 8: the leader of term 4 sees its entry of term 2 on a majority. Another member could still overwrite it.',
      rule: 'Only entries of the leader’s own term are committed by counting; older ones only along with them.',
      source: 'Raft §5.4.2, figure 8',
    },
    () => {
      expect(leaderCommitIndex(leader, [4, 3, 0]), 'term 2 on a majority').toBe(1)
      expect(leaderCommitIndex(leader, [4, 4, 0]), 'term 4 on a majority, and all before it').toBe(4)
    },
  )

  lesson(
    'never goes back',
    {
      scenario: 'A new leader knows of few followers’ logs yet, but of much that is committed.',
      rule: 'commitIndex increases monotonically.',
      source: 'Raft figure 2, "Volatile state on all servers"',
    },
    () => {
      expect(leaderCommitIndex({ ...leader, commitIndex: 4 }, [4, 0, 0]), 'was 4, a majority has 0').toBe(4)
      const own = { log: log('4:a 4:b'), term: 4, commitIndex: 2 }
      expect(leaderCommitIndex(own, [2, 1, 1]), 'was 2, a majority has 1, of its own term').toBe(2)
    },
  )
})

describe('followerCommitIndex', () => {
  lesson(
    'follows the leader, but only as far as the leader vouches for the log',
    {
      scenario:
        'The leader has committed up to 9. Its message vouches for our log up to 6; what we hold behind may be wrong.',
      rule: 'commitIndex = min(leaderCommit, index of last new entry), and it never goes back.',
      source: 'Raft figure 2, AppendEntries rule 5',
    },
    () => {
      expect({
        'was 3, leader 9, vouched for 6': followerCommitIndex(3, 9, 6),
        'was 3, leader 5, vouched for 6': followerCommitIndex(3, 5, 6),
        'was 5, leader 2 (a late message), vouched for 6': followerCommitIndex(5, 2, 6),
        'was 5, leader 9, vouched for 2': followerCommitIndex(5, 9, 2),
      }).toEqual({
        'was 3, leader 9, vouched for 6': 6,
        'was 3, leader 5, vouched for 6': 5,
        'was 5, leader 2 (a late message), vouched for 6': 5,
        'was 5, leader 9, vouched for 2': 5,
      })
    },
  )
})

describe('entriesToApply', () => {
  lesson(
    'hands out what is committed, in order, each once',
    {
      scenario: 'Four entries, of which 1 is applied and 3 are committed.',
      rule: 'If commitIndex > lastApplied, apply the entries between, in log order.',
      source: 'Raft figure 2, "All Servers"',
    },
    () => {
      const held = log('1:a 1:b 1:c 1:d')
      const handedOut = (applied: number, committed: number) => logText(entriesToApply(held, applied, committed))
      expect(handedOut(1, 3), 'entries after 1, up to 3').toBe('1:b 1:c')
      expect(handedOut(3, 3), 'entries when all that is committed is applied').toBe('')
    },
  )
})

describe('committing in a running member', () => {
  lesson(
    'a command is decided when the leader’s disk and one of two followers have it, and followers hear of it at once',
    {
      scenario: 'Leader a gets a command, its disk takes it, then follower b answers.',
      rule: 'An entry is committed once a majority, disks counted, has it.',
      source: 'Raft §5.3',
    },
    () => {
      const raft = new Raft(leaderState({ log: '2:', commitIndex: 1 }))
      raft.propose('x')
      const sent = raft.ready()
      expect(sent.committedEntries, 'on no disk yet').toEqual([])
      raft.step(appendResponse({ matchIndex: 2 }))
      expect(raft.ready().committedEntries, 'only on b’s disk').toEqual([])
      raft.advance(sent)
      const decided = raft.ready()
      expect(logText(decided.committedEntries)).toBe('2:x')
      const commits = decided.messages.flatMap((message) =>
        message.type === 'AppendRequest' ? message.commitIndex : [],
      )
      expect(commits).toEqual([2, 2])
    },
  )

  lesson(
    'a new leader decides, with its first entry, what its predecessors left',
    {
      scenario:
        'a has two entries of term 1 that nobody knows to be decided. It wins term 2; b has the two entries, then takes the new leader’s first.',
      rule: 'When an entry of the own term is committed, so are all before it.',
      source: 'Raft §5.3, §5.4.2, §8; etcd-io/raft raft_paper_test.go TestLeaderCommitPrecedingEntries',
    },
    () => {
      const raft = member({ role: 'candidate', term: 2, votedFor: 'a', votes: { a: true }, log: '1:x 1:y' })
      raft.step({ type: 'VoteResponse', from: 'b', to: 'a', term: 2, granted: true })
      raft.advance(raft.ready())
      raft.step(appendResponse({ matchIndex: 2 }))
      expect(raft.ready().committedEntries, 'b has what is of term 1').toEqual([])
      raft.step(appendResponse({ matchIndex: 3 }))
      expect(logText(raft.ready().committedEntries), 'b has the first entry of term 2').toBe('1:x 1:y 2:')
    },
  )

  lesson(
    'a follower applies what the leader has committed, once',
    {
      scenario: 'Follower a gets two entries, then hears that both are committed, twice.',
      rule: 'Each committed entry is handed to the state machine exactly once, in order.',
      source: 'Raft §5.3',
    },
    () => {
      const raft = member({ leader: 'b' })
      raft.step(appendRequest({ entries: entries('1:x 1:y') }))
      raft.advance(raft.ready())
      for (const expected of ['1:x 1:y', '']) {
        raft.step(appendRequest({ prevLogIndex: 2, prevLogTerm: 1, commitIndex: 2 }))
        const ready = raft.ready()
        expect(logText(ready.committedEntries)).toBe(expected)
        raft.advance(ready)
      }
    },
  )

  lesson(
    'a member alone decides by itself, once its disk has it',
    {
      scenario: 'A cluster of one.',
      rule: 'The majority of one is one, and its disk counts like any other.',
      source: 'Raft §5.3',
    },
    () => {
      const raft = new Raft(
        leaderState({ voters: ['a'], log: '2:', commitIndex: 1, progress: progressOf({ a: [1, 2] }) }),
      )
      raft.propose('x')
      const first = raft.ready()
      expect(first.committedEntries).toEqual([])
      raft.advance(first)
      expect(logText(raft.ready().committedEntries)).toBe('2:x')
    },
  )
})

describe('a cluster under faults', () => {
  const story = {
    scenario:
      'Three or five members, messages lost, late, doubled and out of order, partitions, crashes at any moment. Clients keep asking.',
    rule: 'Raft’s safety properties hold after every event; once the faults end, all members apply the same commands.',
    source: 'Raft figure 3',
  }

  lesson('never breaks a promise, and agrees in the end', story, ({ seed }) => {
    for (const number of seeds(60)) {
      seed(number)
      const faults = { loss: 0.1, duplication: 0.1, maxDelayMs: 40, crash: 0.003 }
      const cluster = simulate({ members: number % 2 === 0 ? 3 : 5, seed: number, faults })
      const { random, ids } = cluster
      for (let round = 0; round < 30; round++) {
        for (const id of ids) if (random.chance(0.5)) cluster.propose(id, `${round}${id}`)
        if (random.chance(0.2)) {
          const cut = 1 + random.below(ids.length - 1)
          cluster.partition(ids.slice(0, cut), ids.slice(cut))
        }
        if (random.chance(0.3)) cluster.heal()
        if (random.chance(0.1)) cluster.crash(random.pick(ids))
        if (random.chance(0.3)) for (const id of ids) cluster.restart(id)
        cluster.run(random.below(300))
      }
      cluster.heal()
      cluster.faults = { loss: 0, duplication: 0, maxDelayMs: 5, crash: 0 }
      for (const id of ids) cluster.restart(id)
      cluster.run(2000)
      expect(cluster.leader(), `a leader, with seed ${number}`).toBeDefined()
      cluster.propose(cluster.leader()!, 'last')
      cluster.run(500)
      for (const id of ids) expect(cluster.applied(id).at(-1), `last command of ${id}, seed ${number}`).toBe('last')
      for (const id of ids)
        expect(cluster.applied(id), `commands of ${id}, seed ${number}`).toEqual(cluster.applied('a'))
    }
  })

  lesson(
    'the entry of figure 8 is overwritten without anyone having applied it',
    {
      scenario:
        'Figure 8 of the paper, on five disks: a led term 2 and left an entry on two, e led term 3 alone. a leads again, copies the old entry to a third member, and crashes before anything of its own term is on a majority.',
      rule: 'An entry of an older term that is on a majority may still be overwritten, so it must not be applied.',
      source: 'Raft §5.4.2, figure 8',
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const cluster = simulate({ members: 5, seed: number })
        const disks = { a: '1:x 2:old', b: '1:x 2:old', c: '1:x', d: '1:x', e: '1:x 3:new' }
        for (const id of cluster.ids) {
          cluster.crash(id)
          const held = entries(disks[id as keyof typeof disks])
          cluster.setDisk(id, { term: 3, votedFor: null, commitIndex: 1 }, held)
        }
        // Only these three hear each other: a or b wins term 4 and copies "old" to c.
        for (const id of ['a', 'b', 'c']) cluster.restart(id)
        cluster.runUntil(() => cluster.disk('c').includes('2:old'), 5000)
        for (const id of ['a', 'b', 'c']) cluster.crash(id)
        // Now e, with the newer last term, can win the votes of c and d unless something newer than term 3 was written there.
        for (const id of ['c', 'd', 'e']) cluster.restart(id)
        cluster.run(3000)
        for (const id of ['a', 'b']) cluster.restart(id)
        cluster.run(3000)
        const logs = new Set(cluster.ids.map((id) => cluster.applied(id).join(' ')))
        expect([...logs], `what members applied, with seed ${number}`).toHaveLength(1)
      }
    },
  )

  lesson(
    'a calm network carries few appends more than needed',
    {
      scenario: 'Three members, nothing goes wrong, fifty commands arrive one by one.',
      rule: 'Each command costs an append and an answer per follower, and as much to say that it is decided; the rest are heartbeats.',
      source: 'Raft §5.3',
    },
    ({ seed }) => {
      seed(1)
      const cluster = simulate({ members: 3, seed: 1 })
      cluster.runUntil(() => cluster.leader() !== undefined, 5000)
      cluster.run(100)
      const before = cluster.messageCount
      for (let command = 0; command < 50; command++) {
        cluster.propose(cluster.leader()!, String(command))
        cluster.run(20)
      }
      const heartbeats = (50 * 20) / 20
      expect(cluster.messageCount - before, 'messages').toBeLessThanOrEqual(50 * 8 + (heartbeats + 2) * 4)
      expect(cluster.applied(cluster.leader()!)).toHaveLength(50)
    },
  )
})
