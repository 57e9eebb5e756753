import { describe, expect } from 'vitest'
import { describeConflict, findConflict, holdsEntry, nextIndexAfterConflict } from '#etcd/raft/log.ts'
import { Raft } from '#etcd/raft/raft.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import {
  appendRequest,
  appendResponse,
  entries,
  leaderState,
  log,
  logText,
  member,
  memberState,
  onlyMessage,
  progressOf,
  seeds,
} from './fixtures.ts'

describe('comparing logs', () => {
  lesson(
    'holds an entry only when index and term agree',
    {
      scenario: 'A log of three entries of terms 1, 1 and 2 is asked about single entries.',
      rule: 'The consistency check compares the index and the term of the entry before the new ones.',
      source: 'Raft §5.3',
    },
    () => {
      const held = log('1:x 1:y 2:z')
      expect(holdsEntry(held, 3, 2), 'its last entry').toBe(true)
      expect(holdsEntry(held, 3, 1), 'another term').toBe(false)
      expect(holdsEntry(held, 4, 2), 'beyond the end').toBe(false)
      expect(holdsEntry(held, 0, 0), 'before the first entry').toBe(true)
    },
  )

  lesson(
    'finds the first entry that is missing or different, and nothing when all is there',
    {
      scenario: 'A follower with entries of terms 1, 1 and 2 gets appends after index 1.',
      rule: 'Only from a conflict on is anything replaced; a delayed message must not shorten the log.',
      source: 'Raft figure 2, AppendEntries rules 3 and 4',
    },
    () => {
      const held = log('1:x 1:y 2:z')
      expect(findConflict(held, entries('1:y 2:z', 2)), 'all there').toBe(0)
      expect(findConflict(held, entries('1:y', 2)), 'there, and more behind it').toBe(0)
      expect(findConflict(held, entries('1:y 2:z 2:w', 2)), 'one more').toBe(4)
      expect(findConflict(held, entries('1:y 3:v', 2)), 'another term').toBe(3)
      expect(findConflict(held, []), 'a heartbeat').toBe(0)
    },
  )

  lesson(
    'describes a conflict by its term and where that term begins',
    {
      scenario: 'A follower with terms 1, 4, 4, 4 refuses appends after index 4 and after index 9.',
      rule: 'The refusal names the conflicting term and its first index, or one past the end of a log that is too short.',
      source: 'Raft §5.3, "optimized to reduce the number of rejected AppendEntries"',
    },
    () => {
      const held = log('1:a 4:b 4:c 4:d')
      expect(describeConflict(held, 4)).toEqual({ index: 2, term: 4 })
      expect(describeConflict(held, 9)).toEqual({ index: 5, term: 0 })
      expect(describeConflict(log('1:a 1:b'), 2), 'a term that begins the log').toEqual({ index: 1, term: 1 })
    },
  )

  lesson(
    'skips a whole term when going back',
    {
      scenario:
        'A leader with terms 1, 2, 2, 5 hears of conflicts in terms that it knows, does not know, and of a short log.',
      rule: 'Go on after your own last entry of the conflicting term, else at the start of that term, else at the end of the short log.',
      source: 'Raft §5.3',
    },
    () => {
      const own = log('1:a 2:b 2:c 5:d')
      expect(nextIndexAfterConflict(own, { index: 2, term: 2 }), 'a term we have').toBe(4)
      expect(nextIndexAfterConflict(own, { index: 2, term: 4 }), 'a term we never had').toBe(2)
      expect(nextIndexAfterConflict(own, { index: 3, term: 0 }), 'a short log').toBe(3)
    },
  )
})

describe('the follower', () => {
  const source = 'Raft §5.3, figure 2 AppendEntries'
  const append = {
    scenario: 'Follower a has entry 1, of term 1. Its leader sends entries 2 and 3, to go behind entry 1 of term 1.',
    rule: 'Accept if the entry before the new ones is there. The acceptance says up to where the logs are the same now.',
    source,
  }
  const refuse = {
    scenario: 'Follower a has entry 1 only. Its leader sends entry 5, to go behind entry 4.',
    rule: 'Refuse if the entry before the new ones is not there; whoever sends them leads all the same.',
    source,
  }
  const replace = {
    scenario:
      'Follower a has entries of terms 1, 2 and 2, all on its disk. The leader of term 3 sends entry 2, of term 3, to go behind entry 1.',
    rule: 'An entry that conflicts with a new one goes, with all that follow it. What takes its place is not on disk yet.',
    source,
  }
  const late = {
    scenario:
      'Follower a has entries 1, 2 and 3 of its leader. An append that was under way for long brings entry 1 once more.',
    rule: 'Replace only what differs, and vouch only for what the message speaks of: what follows may long be decided.',
    source,
  }

  lesson('appends what follows its own log, and says up to where it matches', append, () => {
    const raft = member({ leader: 'b', log: '1:x', electionElapsed: 7 })
    raft.step(appendRequest({ prevLogIndex: 1, prevLogTerm: 1, entries: entries('1:y 1:z', 2), readRound: 3 }))
    const state = raft.inspect()
    expect(logText(state.log.entries)).toBe('1:x 1:y 1:z')
    expect(state.electionElapsed, 'electionElapsed, once the leader was heard').toBe(0)
    const response = { accepted: true, matchIndex: 3, readRound: 3, to: 'b', term: 1 }
    expect(onlyMessage(state.outbox, 'AppendResponse')).toMatchObject(response)
    expect(
      raft.ready().entries.map(({ index }) => index),
      'to be persisted',
    ).toEqual([2, 3])
  })

  lesson('refuses when it lacks the entry before, and says where to look', refuse, () => {
    const raft = member({ leader: 'b', log: '1:x', electionElapsed: 7 })
    raft.step(appendRequest({ prevLogIndex: 4, prevLogTerm: 1, entries: entries('1:v', 5) }))
    const { log: held, outbox, electionElapsed } = raft.inspect()
    expect(logText(held.entries)).toBe('1:x')
    expect(electionElapsed, 'electionElapsed, once the leader was heard').toBe(0)
    const response = { accepted: false, rejectedIndex: 4, conflict: { index: 2, term: 0 } }
    expect(onlyMessage(outbox, 'AppendResponse')).toMatchObject(response)
  })

  lesson('replaces what an older leader left behind, and takes it off the list of what is on disk', replace, () => {
    const raft = member({ term: 3, leader: 'b', log: '1:x 2:old 2:older', stableIndex: 3 })
    raft.step(appendRequest({ term: 3, prevLogIndex: 1, prevLogTerm: 1, entries: entries('3:new', 2) }))
    expect(logText(raft.inspect().log.entries)).toBe('1:x 3:new')
    expect(raft.inspect().stableIndex, 'stableIndex, the last entry on disk').toBe(1)
    expect(logText(raft.ready().entries), 'to be persisted').toBe('3:new')
  })

  lesson('keeps what follows matching entries: a late message must not shorten the log', late, () => {
    const raft = member({ leader: 'b', log: '1:x 1:y 1:z' })
    raft.step(appendRequest({ entries: entries('1:x') }))
    expect(logText(raft.inspect().log.entries)).toBe('1:x 1:y 1:z')
    const response = onlyMessage(raft.inspect().outbox, 'AppendResponse')
    expect(response.matchIndex, 'matchIndex of the answer').toBe(1)
  })
})

describe('the leader', () => {
  lesson(
    'appends commands to its own log, in its own term',
    {
      scenario: 'Leader a of term 2 with one entry gets two commands.',
      rule: 'The leader appends the command to its log as a new entry of its term. It counts as held by the leader when its disk has it.',
      source: "Raft §5.3; Ongaro's thesis §10.2.1",
    },
    () => {
      const raft = new Raft(leaderState({ log: '1:x' }))
      raft.propose('y')
      raft.propose('z')
      const { log: held, progress } = raft.inspect()
      expect(held.entries).toEqual(entries('1:x 2:y 2:z'))
      expect(progress.a!.matchIndex, 'matchIndex of a itself, before its disk has the two').toBe(1)
    },
  )

  lesson(
    'sends each follower what it lacks, and does not send it again without need',
    {
      scenario: 'Leader a has three entries. Follower b has one of them, c all three. A heartbeat is due.',
      rule: 'Entries from nextIndex on, with the index and term of the entry before; a heartbeat where nothing is lacking.',
      source: 'Raft §5.3, figure 2 AppendEntries',
    },
    () => {
      const progress = progressOf({ a: [3, 4], b: [1, 2], c: [3, 4] })
      const raft = new Raft(leaderState({ log: '1:x 1:y 2:z', progress, commitIndex: 1, mustAnnounce: true }))
      const { messages } = raft.ready()
      const [toB, toC] = messages.filter((message) => message.type === 'AppendRequest')
      expect(toB).toEqual({
        type: 'AppendRequest',
        from: 'a',
        to: 'b',
        term: 2,
        prevLogIndex: 1,
        prevLogTerm: 1,
        entries: entries('1:y 2:z', 2),
        commitIndex: 1,
        readRound: 0,
      })
      expect(toC).toMatchObject({ to: 'c', prevLogIndex: 3, prevLogTerm: 2, entries: [] })
      expect(raft.inspect().progress.b!.nextIndex, 'moved past what was sent').toBe(4)
      expect(raft.hasReady(), 'nothing more to send').toBe(false)
    },
  )

  lesson(
    'learns how far a follower matches, and never unlearns it',
    {
      scenario: 'Follower b accepts up to 3; then an older answer, "up to 2", arrives late.',
      rule: 'matchIndex increases monotonically.',
      source: 'Raft figure 2, "Volatile state on leaders"',
    },
    () => {
      const progress = progressOf({ a: [3, 4], b: [1, 2], c: [0, 4] })
      const raft = new Raft(leaderState({ log: '1:x 1:y 2:z', progress }))
      raft.step(appendResponse({ matchIndex: 3 }))
      raft.step(appendResponse({ matchIndex: 2 }))
      expect(raft.inspect().progress.b).toMatchObject({ matchIndex: 3, nextIndex: 4 })
      expect(raft.inspect().progressChanged, 'progressChanged').toBe(true)
    },
  )

  lesson(
    'goes back where a refusal says, and tries again at once',
    {
      scenario: 'Leader a has terms 1, 2, 2, 2; follower b refuses index 4, its log ends after 1.',
      rule: 'After a refusal the leader lowers nextIndex and sends again.',
      source: 'Raft §5.3',
    },
    () => {
      const progress = progressOf({ a: [4, 5], b: [0, 5], c: [0, 5] })
      const raft = new Raft(leaderState({ log: '1:x 2:y 2:z 2:w', progress }))
      raft.step(appendResponse({ accepted: false, rejectedIndex: 4, conflict: { index: 2, term: 0 } }))
      const again = onlyMessage(raft.ready().messages, 'AppendRequest')
      expect(again).toMatchObject({ to: 'b', prevLogIndex: 1, prevLogTerm: 1 })
      expect(logText(again.entries)).toBe('2:y 2:z 2:w')
    },
  )

  lesson(
    'ignores a refusal that is out of date',
    {
      scenario: 'Follower b matches up to 3; a refusal of index 2 arrives that was sent long before.',
      rule: 'nextIndex stays beyond matchIndex: what matches once matches for good.',
      source: 'etcd-io/raft tracker/progress.go',
    },
    () => {
      const progress = progressOf({ a: [4, 5], b: [3, 5], c: [0, 5] })
      const raft = new Raft(leaderState({ log: '1:x 2:y 2:z 2:w', progress }))
      raft.step(appendResponse({ accepted: false, rejectedIndex: 2, conflict: { index: 1, term: 0 } }))
      expect(raft.inspect().progress.b).toMatchObject({ matchIndex: 3, nextIndex: 5 })
      expect(raft.ready().messages, 'messages').toEqual([])
    },
  )

  lesson(
    'never goes back behind what matches',
    {
      scenario:
        'Follower b matches up to 3 by now. A refusal of index 4 arrives late, from when its log still ended at index 1.',
      rule: 'nextIndex stays beyond matchIndex: what matches once matches for good, and need not be sent again.',
      source: 'etcd-io/raft tracker/progress.go',
    },
    () => {
      const progress = progressOf({ a: [4, 5], b: [3, 5], c: [0, 5] })
      const raft = new Raft(leaderState({ log: '1:x 2:y 2:z 2:w', progress }))
      raft.step(appendResponse({ accepted: false, rejectedIndex: 4, conflict: { index: 2, term: 0 } }))
      const again = onlyMessage(raft.ready().messages, 'AppendRequest')
      expect({ prevLogIndex: again.prevLogIndex, entries: logText(again.entries) }).toEqual({
        prevLogIndex: 3,
        entries: '2:w',
      })
    },
  )
})

describe('figure 7 of the paper', () => {
  const leaderLog = '1:a 1:b 1:c 4:d 4:e 5:f 5:g 6:h 6:i 6:j'
  const followers = {
    'a, which lacks an entry': '1:a 1:b 1:c 4:d 4:e 5:f 5:g 6:h 6:i',
    'b, which lacks many': '1:a 1:b 1:c 4:d',
    'c, with one entry more': '1:a 1:b 1:c 4:d 4:e 5:f 5:g 6:h 6:i 6:j 6:k',
    'd, which led term 7 for a moment': '1:a 1:b 1:c 4:d 4:e 5:f 5:g 6:h 6:i 6:j 7:k 7:l',
    'e, which lacks and has too much': '1:a 1:b 1:c 4:d 4:e 4:x 4:y',
    'f, which led terms 2 and 3 alone': '1:a 1:b 1:c 2:p 2:q 2:r 3:s 3:t 3:u 3:v 3:w',
  }
  for (const [which, followerLog] of Object.entries(followers)) {
    lesson(
      `the leader of term 8 brings follower ${which}, to its own log`,
      {
        scenario:
          'The leader of term 8 begins with an empty entry. What the follower has is one of the six logs of figure 7.',
        rule: 'Whatever contradicts the leader’s log is replaced, whatever is missing is sent.',
        source: 'Raft §5.3, figure 7',
      },
      () => {
        const progress = progressOf({ a: [10, 11], b: [0, 11] })
        const leader = new Raft(leaderState({ term: 8, voters: ['a', 'b'], log: leaderLog, progress }))
        const follower = new Raft(memberState({ id: 'b', term: 7, voters: ['a', 'b'], log: followerLog }))
        leader.propose('')
        let response = { accepted: false }
        for (let turn = 0; turn < 5 && !response.accepted; turn++) {
          follower.step(onlyMessage(leader.ready().messages, 'AppendRequest'))
          const answer = onlyMessage(follower.inspect().outbox, 'AppendResponse')
          follower.ready()
          if (!answer.accepted) leader.step(answer)
          response = answer
        }
        expect(response, 'the last answer').toMatchObject({ accepted: true, matchIndex: 11 })
        expect(logText(follower.inspect().log.entries)).toBe(`${leaderLog} 8:`)
      },
    )
  }
})

describe('a leader and a follower with any two logs', () => {
  lesson(
    'end with the same log, in at most one refusal per differing term',
    {
      scenario:
        'Random logs, as years of failures may leave them. The leader sends, the follower answers, until it accepts.',
      rule: 'Log Matching: the follower ends with exactly the leader’s log, and whole terms are skipped.',
      source: 'Raft §5.3',
    },
    ({ seed }) => {
      for (const number of seeds(300)) {
        seed(number)
        const random = createRandom(number)
        const tail = (terms: number[]) => Array.from({ length: random.below(12) }, () => random.pick(terms)).sort()
        const words = (terms: number[]) => terms.map((term, offset) => `${term}:${term}-${offset}`)
        // Odd terms had other leaders, which only the follower heard.
        const leaderWords = words([1, ...tail([2, 4, 6])])
        const followerWords = leaderWords.slice(0, 1 + random.below(leaderWords.length))
        const stray = tail([3, 5, 7]).map((term, offset) => `${term}:stray-${offset}`)
        const leaderLog = leaderWords.join(' ')
        const followerLog = [...followerWords, ...stray].join(' ')
        const length = leaderLog.split(' ').filter(Boolean).length
        const progress = progressOf({ a: [length, length + 1], b: [0, length + 1] })
        const situation = { term: 8, voters: ['a', 'b'], mustAnnounce: true, progress }
        const leader = new Raft(leaderState({ ...situation, log: leaderLog }))
        const follower = new Raft(memberState({ id: 'b', term: 8, leader: 'a', voters: ['a', 'b'], log: followerLog }))

        let refusals = 0
        let request = onlyMessage(leader.ready().messages, 'AppendRequest')
        for (;;) {
          follower.step(request)
          const response = onlyMessage(follower.ready().messages, 'AppendResponse')
          if (response.accepted) break
          expect(++refusals, `refusals with seed ${number}`).toBeLessThan(5)
          leader.step(response)
          request = onlyMessage(leader.ready().messages, 'AppendRequest')
        }
        expect(logText(follower.inspect().log.entries).startsWith(leaderLog), `seed ${number}`).toBe(true)
      }
    },
  )
})
