import { describe, expect } from 'vitest'
import { decideVote, isUpToDate, tallyVotes } from '#etcd/raft/election.ts'
import type { Raft } from '#etcd/raft/raft.ts'
import type { Message, Role } from '#kit/raft/messages.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { appendResponse, member, onlyMessage, progressOf, seeds, simulate, voteRequest } from './fixtures.ts'

const UP_TO_DATE = {
  scenario: 'A candidate asks for a vote. Both logs are described by index and term of their last entry.',
  rule: 'The later last term is more up to date; with equal last terms, the longer log is.',
  source: 'Raft §5.4.1',
}

describe('isUpToDate', () => {
  lesson('takes the later last term, however short the log', UP_TO_DATE, () => {
    const [short, long] = [
      { lastLogTerm: 3, lastLogIndex: 1 },
      { lastLogTerm: 2, lastLogIndex: 9 },
    ]
    expect({
      'a later last term, a shorter log': isUpToDate(short, long),
      'an older last term, a longer log': isUpToDate(long, short),
    }).toEqual({ 'a later last term, a shorter log': true, 'an older last term, a longer log': false })
  })

  lesson('takes the longer log when the last terms are equal, and an equal log too', UP_TO_DATE, () => {
    const voter = { lastLogTerm: 2, lastLogIndex: 4 }
    const withIndex = (lastLogIndex: number) => isUpToDate({ lastLogTerm: 2, lastLogIndex }, voter)
    const verdicts = { 'one entry more': withIndex(5), 'as many entries': withIndex(4), 'one entry less': withIndex(3) }
    expect(verdicts).toEqual({ 'one entry more': true, 'as many entries': true, 'one entry less': false })
  })
})

describe('decideVote', () => {
  const voter = { term: 4, votedFor: null, lastLogIndex: 0, lastLogTerm: 0 }

  lesson(
    'grants at most one vote per term, and the same one again when asked again',
    {
      scenario: 'Two candidates of term 4 ask the same member; the first asks twice, since its answer got lost.',
      rule: 'A member votes for at most one candidate in a term, first come, first served.',
      source: 'Raft §5.2',
    },
    () => {
      const voted = { ...voter, votedFor: 'b' }
      expect({
        'the first candidate': decideVote(voter, voteRequest({ from: 'b', term: 4 })),
        'a second candidate': decideVote(voted, voteRequest({ from: 'c', term: 4 })),
        'the first candidate again': decideVote(voted, voteRequest({ from: 'b', term: 4 })),
      }).toEqual({ 'the first candidate': true, 'a second candidate': false, 'the first candidate again': true })
    },
  )

  lesson(
    'is free again in a newer term, and never votes in an older one',
    {
      scenario: 'A member of term 4 has voted for b. Requests of terms 3 and 5 arrive.',
      rule: 'Votes belong to a term; requests of older terms are refused.',
      source: 'Raft §5.1, figure 2 RequestVote rule 1',
    },
    () => {
      const voted = { ...voter, votedFor: 'b' }
      expect({
        'another candidate, term 5': decideVote(voted, voteRequest({ from: 'c', term: 5 })),
        'a candidate of term 3': decideVote(voter, voteRequest({ from: 'c', term: 3 })),
        'b, but of term 3': decideVote(voted, voteRequest({ from: 'b', term: 3 })),
      }).toEqual({ 'another candidate, term 5': true, 'a candidate of term 3': false, 'b, but of term 3': false })
    },
  )

  lesson(
    'refuses a candidate whose log is behind, even in a newer term',
    {
      scenario: 'The voter has an entry of term 4 that the candidate lacks. It may be committed.',
      rule: 'Vote only for a log at least as up to date as your own.',
      source: 'Raft §5.4.1',
    },
    () => {
      const ahead = { ...voter, lastLogIndex: 7, lastLogTerm: 4 }
      expect({
        'last term 3, nine entries': decideVote(ahead, voteRequest({ term: 6, lastLogIndex: 9, lastLogTerm: 3 })),
        'last term 4, seven entries': decideVote(ahead, voteRequest({ term: 6, lastLogIndex: 7, lastLogTerm: 4 })),
      }).toEqual({ 'last term 3, nine entries': false, 'last term 4, seven entries': true })
    },
  )
})

describe('tallyVotes', () => {
  lesson(
    'needs a majority of all voters, not of those who answered',
    {
      scenario: 'Five voters; answers come in one by one.',
      rule: 'A candidate wins with votes from a majority of the full cluster.',
      source: 'Raft §5.2',
    },
    () => {
      const voters = ['a', 'b', 'c', 'd', 'e']
      expect(tallyVotes({ a: true, b: true }, voters), 'two of five').toBe('pending')
      expect(tallyVotes({ a: true, b: true, c: true }, voters), 'three of five').toBe('won')
      expect(tallyVotes({ a: true, b: false, c: false }, voters), 'two refusals').toBe('pending')
      expect(tallyVotes({ a: true, b: false, c: false, d: false }, voters), 'three refusals').toBe('lost')
      expect(tallyVotes({ a: true, b: true, c: false, d: false }, ['a', 'b', 'c', 'd']), 'half of four').toBe('lost')
      expect(tallyVotes({ a: true }, ['a']), 'alone').toBe('won')
      expect(tallyVotes({ a: true, x: true, y: true }, voters), 'one vote, and two from strangers').toBe('pending')
    },
  )
})

describe('changes of role', () => {
  lesson(
    'stepping back: a newer term frees the vote, the same term keeps it',
    {
      scenario: 'Candidate a of term 1, which voted for itself, learns of a leader, first in term 1, then in term 2.',
      rule: 'votedFor is "candidate that received vote in current term": it changes only with the term.',
      source: 'Raft §5.1, figure 2',
    },
    () => {
      const raft = member({ role: 'candidate', votedFor: 'a', votes: { a: true }, electionElapsed: 5 })
      raft.becomeFollower(1, 'b')
      const same = { role: 'follower', term: 1, leader: 'b', votedFor: 'a', votes: {}, electionElapsed: 0 }
      expect(raft.inspect()).toMatchObject(same)
      raft.becomeFollower(2, null)
      expect(raft.inspect()).toMatchObject({ role: 'follower', term: 2, leader: null, votedFor: null })
    },
  )

  lesson(
    'stepping back from office: nothing of it is left',
    {
      scenario: 'Leader a of term 1 has progress of its followers and a read that waits. It hears of term 2.',
      rule: 'What only leaders keep is gone with the office: an answer that comes late must find nothing to act on.',
      source: 'Raft figure 2, "Volatile state on leaders"',
    },
    () => {
      const progress = progressOf({ b: [3, 4] })
      const pendingReads = [{ context: 'r', from: 'a', index: 1, round: 1 }]
      const raft = member({ role: 'leader', leader: 'a', progress, pendingReads, heartbeatElapsed: 1 })
      raft.becomeFollower(2, 'b')
      const { role, leader, ...left } = raft.inspect()
      expect({ role, leader, progress: left.progress, pendingReads: left.pendingReads }).toEqual({
        role: 'follower',
        leader: 'b',
        progress: {},
        pendingReads: [],
      })
    },
  )

  lesson(
    'standing for election: a new term, and a vote for oneself',
    {
      scenario: 'Follower a of term 1, which knew leader b, stands for election.',
      rule: 'A candidate increments its term, votes for itself and starts its election timeout again.',
      source: 'Raft §5.2, figure 2 "Candidates"',
    },
    () => {
      const raft = member({ leader: 'b', votedFor: 'b', electionElapsed: 9 })
      raft.becomeCandidate()
      const candidate = { role: 'candidate', term: 2, leader: null, votedFor: 'a', electionElapsed: 0 }
      expect(raft.inspect()).toMatchObject(candidate)
      expect(raft.inspect().votes).toEqual({ a: true })
    },
  )

  lesson(
    'draws a new election timeout each time',
    {
      scenario:
        'A member stands for election eight times in a row, as in a series of split votes. Another follows eight leaders in a row.',
      rule: 'Election timeouts are drawn anew, so that split votes do not repeat themselves.',
      source: 'Raft §5.2',
    },
    () => {
      const changes = {
        candidate: (raft: Raft) => raft.becomeCandidate(),
        follower: (raft: Raft) => raft.becomeFollower(2, 'b'),
      }
      for (const [role, change] of Object.entries(changes)) {
        const raft = member()
        const timeouts = Array.from({ length: 8 }, () => {
          change(raft)
          return raft.inspect().electionTimeout
        })
        const said = `timeouts of a ${role}: ${timeouts.join(', ')}`
        expect(Math.min(...timeouts), said).toBeGreaterThanOrEqual(10)
        expect(Math.max(...timeouts), said).toBeLessThan(20)
        expect(new Set(timeouts).size, `different ones among the ${said}`).toBeGreaterThan(1)
      }
    },
  )

  lesson(
    'taking office: all progress begins at the end of the own log',
    {
      scenario:
        'Candidate a wins term 2 with three entries in its log, of which its disk has two. d gets the log and has no vote.',
      rule: 'For everyone who gets the log, nextIndex starts at last log index + 1, matchIndex at 0; a leader counts for itself only what its disk holds.',
      source: 'Raft figure 2, "Volatile state on leaders"',
    },
    () => {
      const raft = member({
        role: 'candidate',
        term: 2,
        log: '1:x 1:y 1:z',
        stableIndex: 2,
        learners: ['d'],
        votes: { a: true, b: true },
      })
      raft.becomeLeader()
      expect(raft.inspect()).toMatchObject({ role: 'leader', term: 2, leader: 'a' })
      const { progress } = raft.inspect()
      expect(Object.keys(progress).sort(), 'members whose progress is kept').toEqual(['a', 'b', 'c', 'd'])
      expect(progress).toMatchObject({
        a: { matchIndex: 2, nextIndex: 4 },
        b: { matchIndex: 0, nextIndex: 4 },
        c: { matchIndex: 0, nextIndex: 4 },
        d: { matchIndex: 0, nextIndex: 4 },
      })
    },
  )
})

describe('a member among others', () => {
  lesson(
    'loses patience after its election timeout, not before',
    {
      scenario: 'A follower whose timeout is 12 ticks hears from nobody.',
      rule: 'A follower that hears from no leader for its election timeout begins an election.',
      source: 'Raft §5.2',
    },
    () => {
      const raft = member({ electionTimeout: 12 })
      for (let tick = 0; tick < 11; tick++) raft.tick()
      expect(raft.status().role, 'role after 11 ticks').toBe('follower')
      raft.tick()
      expect(raft.status()).toMatchObject({ role: 'candidate', term: 2 })
      const requests = raft.ready().messages
      expect(requests.map(({ type, to, term }) => `${type} ${to} ${term}`)).toEqual([
        'VoteRequest b 2',
        'VoteRequest c 2',
      ])
    },
  )

  lesson(
    'answers a vote request, and remembers for whom it voted',
    {
      scenario: 'Follower a of term 1 is asked by b, then by c, both in term 1.',
      rule: 'The vote is recorded, and a member that grants one gives the candidate time: its election timeout starts again.',
      source: 'Raft §5.2',
    },
    () => {
      const raft = member({ electionElapsed: 8 })
      raft.step(voteRequest({ from: 'b' }))
      expect(onlyMessage(raft.inspect().outbox, 'VoteResponse')).toMatchObject({ to: 'b', term: 1, granted: true })
      expect(raft.inspect()).toMatchObject({ votedFor: 'b', electionElapsed: 0 })
      expect(raft.ready()).toMatchObject({ hardState: { term: 1, votedFor: 'b' } })

      raft.step(voteRequest({ from: 'c' }))
      expect(onlyMessage(raft.inspect().outbox, 'VoteResponse')).toMatchObject({ to: 'c', granted: false })
      expect(raft.inspect().votedFor, 'votedFor, after the second request').toBe('b')
    },
  )

  lesson(
    'keeps its patience short when it refuses a vote',
    {
      scenario: 'A member whose log is ahead refuses a candidate. Somebody with a better log should stand soon.',
      rule: 'The election timeout starts again when a vote is granted, not when it is refused.',
      source: 'Raft figure 2, "Followers"',
    },
    () => {
      const raft = member({ electionElapsed: 8, log: '1:x' })
      raft.step(voteRequest())
      expect(onlyMessage(raft.inspect().outbox, 'VoteResponse')).toMatchObject({ to: 'b', granted: false })
      expect(raft.inspect()).toMatchObject({ votedFor: null, electionElapsed: 8 })
    },
  )

  lesson(
    'a candidate leads with the second of three votes',
    {
      scenario: 'Candidate a of term 2 has its own vote and gets one from b.',
      rule: 'A majority of votes makes a leader at once.',
      source: 'Raft §5.2',
    },
    () => {
      const raft = member({ role: 'candidate', term: 2, votedFor: 'a', votes: { a: true } })
      raft.step({ type: 'VoteResponse', from: 'b', to: 'a', term: 2, granted: true })
      expect(raft.status()).toMatchObject({ role: 'leader', term: 2, leader: 'a' })
    },
  )
})

describe('terms', () => {
  lesson(
    'a newer term makes a follower of anyone, whatever the message',
    {
      scenario:
        'A follower, a candidate and a leader of term 2 get messages of term 4: requests and answers, from leaders and from nobody special.',
      rule: 'If a message carries a newer term, take that term over and become a follower. Only a leader’s message says who leads it.',
      source: 'Raft §5.1; etcd-io/raft raft_test.go TestAllServerStepdown',
    },
    () => {
      const roles = {
        follower: {},
        candidate: { votes: { a: true } },
        leader: { leader: 'a', progress: progressOf({ a: [0, 1], b: [0, 1], c: [0, 1] }) },
      }
      const messages: Record<string, Message> = {
        'a vote request': voteRequest({ term: 4, lastLogIndex: 0 }),
        'a refused vote': { type: 'VoteResponse', from: 'b', to: 'a', term: 4, granted: false },
        'an answer to an append': appendResponse({ term: 4, accepted: false }),
      }
      for (const [role, situation] of Object.entries(roles)) {
        for (const [what, message] of Object.entries(messages)) {
          const raft = member({ term: 2, votedFor: 'a', role: role as Role, log: '1:x', ...situation })
          raft.step(message)
          const { status, votedFor } = { status: raft.status(), votedFor: raft.inspect().votedFor }
          const after = { role: status.role, term: status.term, leader: status.leader, votedFor }
          expect(after, `a ${role} after ${what}`).toEqual({ role: 'follower', term: 4, leader: null, votedFor: null })
        }
      }
    },
  )

  lesson(
    'who speaks from an older term is not listened to, and hears of the newer one',
    {
      scenario: 'Member a of term 3 gets a vote request and a vote of term 2, both late.',
      rule: 'A request of an older term is refused; the refusal carries the newer term. An answer of an older term is about something that is over.',
      source: 'Raft §5.1; etcd-io/raft raft_paper_test.go TestRejectStaleTermMessage',
    },
    () => {
      const raft = member({ term: 3, role: 'candidate', votedFor: 'a', votes: { a: true } })
      raft.step(voteRequest({ term: 2 }))
      expect(onlyMessage(raft.inspect().outbox, 'VoteResponse')).toMatchObject({ to: 'b', term: 3, granted: false })
      raft.step({ type: 'VoteResponse', from: 'b', to: 'a', term: 2, granted: true })
      expect(raft.status(), 'after a vote that was for term 2').toMatchObject({ role: 'candidate', term: 3 })
    },
  )

  lesson(
    'a leader that gets a vote request of a newer term votes like anyone else',
    {
      scenario: 'Leader a of term 2 was cut off. b stands in term 3, with a longer log.',
      rule: 'A newer term ends the office; the vote then goes by the logs.',
      source: 'Raft §5.1; etcd-io/raft raft_test.go TestVoteFromAnyState',
    },
    () => {
      const progress = progressOf({ a: [1, 2], b: [1, 2], c: [1, 2] })
      const raft = member({ term: 2, role: 'leader', leader: 'a', votedFor: 'a', log: '2:x', progress })
      raft.step(voteRequest({ term: 3, lastLogIndex: 2, lastLogTerm: 2 }))
      expect(onlyMessage(raft.inspect().outbox, 'VoteResponse')).toMatchObject({ term: 3, granted: true })
      expect(raft.inspect()).toMatchObject({ role: 'follower', term: 3, votedFor: 'b' })
    },
  )
})

describe('a candidate', () => {
  lesson(
    'stands again, in the next term, when the votes were split',
    {
      scenario: 'Candidate a of term 2 hears from nobody for its election timeout of 12 ticks.',
      rule: 'A candidate that neither wins nor loses begins another election in a new term.',
      source: 'Raft §5.2',
    },
    () => {
      const raft = member({ role: 'candidate', term: 2, votedFor: 'a', votes: { a: true }, electionTimeout: 12 })
      for (let tick = 0; tick < 12; tick++) raft.tick()
      expect(raft.status()).toMatchObject({ role: 'candidate', term: 3 })
      expect(raft.ready().messages.map(({ type, to, term }) => `${type} ${to} ${term}`)).toEqual([
        'VoteRequest b 3',
        'VoteRequest c 3',
      ])
    },
  )

  lesson(
    'gives up when a majority refuses, and counts each voter once',
    {
      scenario:
        'Candidate a, of five voters, gets the same refusal twice, the same vote twice, and then two more refusals.',
      rule: 'The network may double messages: what counts is who answered, not how often.',
      source: 'Raft §5.2',
    },
    () => {
      const voters = ['a', 'b', 'c', 'd', 'e']
      const raft = member({ role: 'candidate', term: 2, votedFor: 'a', votes: { a: true }, voters })
      const answer = (from: string, granted: boolean) => {
        raft.step({ type: 'VoteResponse', from, to: 'a', term: 2, granted })
        return raft.status().role
      }
      expect([answer('b', false), answer('b', false), answer('c', true), answer('c', true)]).toEqual(
        Array.from({ length: 4 }, () => 'candidate'),
      )
      expect([answer('d', false), answer('e', false)]).toEqual(['candidate', 'follower'])
      expect(raft.inspect().votedFor, 'its vote of this term').toBe('a')
    },
  )

  lesson(
    'concedes to whoever has won its term',
    {
      scenario: 'Candidate a of term 2 gets an append of term 2 from c, which has won the votes.',
      rule: 'A leader of a term at least as new is legitimate: the candidate returns to follower, and its vote of the term stays.',
      source: 'Raft §5.2',
    },
    () => {
      const raft = member({ role: 'candidate', term: 2, votedFor: 'a', votes: { a: true } })
      raft.becomeFollower(2, 'c')
      expect(raft.inspect()).toMatchObject({ role: 'follower', term: 2, leader: 'c', votedFor: 'a', votes: {} })
    },
  )
})

describe('elections under faults', () => {
  lesson(
    'never elects two leaders in one term, whatever gets lost, doubled or restarted',
    {
      scenario:
        'Five members, a bad network, crashes. Every leader crashes in the moment of its election and comes back later, so one election follows another.',
      rule: 'Election Safety: at most one leader in a term.',
      source: 'Raft §5.2',
    },
    ({ seed }) => {
      for (const number of seeds(40)) {
        seed(number)
        const faults = { loss: 0.15, duplication: 0.2, maxDelayMs: 60, crash: 0.01 }
        const cluster = simulate({ members: 5, seed: number, faults })
        let elections = 0
        for (let round = 0; round < 8; round++) {
          if (!cluster.runUntil(() => cluster.leader() !== undefined, 3000)) continue
          elections++
          const leader = cluster.leader()!
          cluster.crash(leader)
          cluster.run(50)
          cluster.restart(leader)
        }
        expect(elections, `elections won with seed ${number}`).toBeGreaterThan(2)
      }
    },
  )
})
