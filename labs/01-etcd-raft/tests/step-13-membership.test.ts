import { describe, expect } from 'vitest'
import {
  applyChange,
  expectUnfinishedChange,
  hasCaughtUp,
  type Members,
  mayCampaign,
  mayChangeMembers,
  membersAfter,
  proposeChange,
} from '#etcd/raft/membership.ts'
import { Raft } from '#etcd/raft/raft.ts'
import type { MembershipChange } from '#kit/raft/messages.ts'
import { membershipScenarios } from '#kit/sim/raft/scenarios/membership.ts'
import { lesson } from '#kit/testing/lesson.ts'
import {
  appendRequest,
  appendResponse,
  entries,
  leaderState,
  logText,
  member,
  memberState,
  onlyMessage,
  progressOf,
  scenarioLesson,
  snapshotOf,
  voteRequest,
} from './fixtures.ts'

const addVoter = (id: string): MembershipChange => ({ kind: 'AddVoter', member: id })
const addLearner = (id: string): MembershipChange => ({ kind: 'AddLearner', member: id })
const remove = (id: string): MembershipChange => ({ kind: 'Remove', member: id })

/** Leader a of term 2, whose first entry of its term is committed and applied. */
const settled = { log: '1:x 2:', commitIndex: 2 }

/** An entry that changes the members, as it lies in a log. */
function changeEntry(index: number, change: MembershipChange, term = 1) {
  return { term, index, data: 'address', change }
}

/** `'voters a b c, learners d'` */
function shownMembers({ voters, learners }: Members): string {
  return `voters ${voters.join(' ')}, learners ${learners.join(' ') || 'none'}`
}

/** Has a member do all that it wants done. */
function settle(raft: Raft): void {
  while (raft.hasReady()) raft.advance(raft.ready())
}

describe('membersAfter', () => {
  const before = { voters: ['a', 'b', 'c'], learners: ['d'] }

  lesson(
    'adds, promotes and removes one member, and leaves the others as they were',
    {
      scenario: 'Voters a, b, c and learner d, before one change of each kind.',
      rule: 'A change concerns one member. AddVoter also promotes a learner; nobody is both.',
      source: "Ongaro's thesis §4.1; etcd-io/raft confchange",
    },
    () => {
      expect({
        'AddVoter e': shownMembers(membersAfter(before, addVoter('e'))),
        'AddVoter d': shownMembers(membersAfter(before, addVoter('d'))),
        'AddLearner e': shownMembers(membersAfter(before, addLearner('e'))),
        'Remove b': shownMembers(membersAfter(before, remove('b'))),
        'Remove d': shownMembers(membersAfter(before, remove('d'))),
      }).toEqual({
        'AddVoter e': 'voters a b c e, learners d',
        'AddVoter d': 'voters a b c d, learners none',
        'AddLearner e': 'voters a b c, learners d e',
        'Remove b': 'voters a c, learners d',
        'Remove d': 'voters a b c, learners none',
      })
      expect(before, 'what was given').toEqual({ voters: ['a', 'b', 'c'], learners: ['d'] })
    },
  )

  lesson(
    'changes nothing when a member is added again',
    {
      scenario: 'Voter b is added as a voter and as a learner, learner d as a learner.',
      rule: 'A voter stays a voter, whoever adds it again; nobody is counted twice.',
      source: 'etcd-io/raft confchange',
    },
    () => {
      expect({
        'AddVoter b': shownMembers(membersAfter(before, addVoter('b'))),
        'AddLearner b': shownMembers(membersAfter(before, addLearner('b'))),
        'AddLearner d': shownMembers(membersAfter(before, addLearner('d'))),
      }).toEqual({
        'AddVoter b': 'voters a b c, learners d',
        'AddLearner b': 'voters a b c, learners d',
        'AddLearner d': 'voters a b c, learners d',
      })
    },
  )
})

describe('mayChangeMembers', () => {
  lesson(
    'asks for a leader that is settled, with no change under way',
    {
      scenario: 'A leader that has committed an entry of its term, and six that are not as they should be.',
      rule: 'A leader begins a change only when an entry of its own term is committed and every earlier change is applied.',
      source: "Ongaro's thesis §4.1; its correction of July 2015",
    },
    () => {
      const may = (different: Parameters<typeof leaderState>[0]) => mayChangeMembers(leaderState(different))
      expect({
        settled: may(settled),
        'an earlier change, applied': may({ ...settled, pendingChangeIndex: 2 }),
        'nothing of its own term committed': may({ log: '1:x 2:', commitIndex: 1 }),
        'an earlier change, not applied': may({
          log: '1:x 2: 2:',
          commitIndex: 3,
          appliedIndex: 2,
          pendingChangeIndex: 3,
        }),
        'an earlier change, not committed': may({ log: '1:x 2: 2:', commitIndex: 2, pendingChangeIndex: 3 }),
        'handing over': may({ ...settled, transferee: 'b' }),
        'a follower': mayChangeMembers(memberState({ log: '1:x', commitIndex: 1, leader: 'b' })),
        'a candidate': mayChangeMembers(memberState({ log: '1:x', commitIndex: 1, role: 'candidate' })),
      }).toEqual({
        settled: true,
        'an earlier change, applied': true,
        'nothing of its own term committed': false,
        'an earlier change, not applied': false,
        'an earlier change, not committed': false,
        'handing over': false,
        'a follower': false,
        'a candidate': false,
      })
    },
  )
})

describe('proposeChange', () => {
  lesson(
    'appends one change, and no other until that one is applied',
    {
      scenario: 'A settled leader is asked to add d and, in the same breath, e.',
      rule: 'One change at a time: a majority of before and a majority after two changes need not share a member.',
      source: "Ongaro's thesis §4.1",
    },
    () => {
      const raft = leaderState(settled)
      const answers = [proposeChange(raft, addVoter('d'), 'address of d'), proposeChange(raft, addVoter('e'), 'of e')]
      expect(answers, 'whether each was taken').toEqual([true, false])
      const appended = { term: 2, index: 3, data: 'address of d', change: addVoter('d') }
      expect(raft.log.entries.slice(2), 'entries behind the settled log').toEqual([appended])
      expect(raft.pendingChangeIndex, 'pendingChangeIndex').toBe(3)
      expect(raft.voters, 'voters, as long as it is not applied').toEqual(['a', 'b', 'c'])
    },
  )

  lesson(
    'does nothing on a member that does not lead',
    {
      scenario: 'A follower that knows its leader is asked to add d.',
      rule: 'Only the leader knows whether a change may begin.',
      source: "Ongaro's thesis §4.1",
    },
    () => {
      const raft = memberState({ log: '1:x', leader: 'b' })
      expect(proposeChange(raft, addVoter('d'), ''), 'whether it was taken').toBe(false)
      expect(logText(raft.log.entries)).toBe('1:x')
      expect(raft.outbox, 'messages').toEqual([])
    },
  )
})

describe('expectUnfinishedChange', () => {
  lesson(
    'takes the last entry for a change, since some entry may be one',
    {
      scenario:
        'a has just won the election for term 3. Its log ends at index 3; it does not know what of it is committed.',
      rule: 'A new leader waits until it has applied all that was in its log when it took office.',
      source: 'etcd-io/raft raft.go, becomeLeader (pendingConfIndex)',
    },
    () => {
      const raft = memberState({ term: 3, log: '1:x 1:y 2:z', commitIndex: 1 })
      expectUnfinishedChange(raft)
      expect(raft.pendingChangeIndex, 'pendingChangeIndex').toBe(3)
    },
  )

  lesson(
    'a new leader begins no change while one of its predecessor’s is open',
    {
      scenario:
        'The log of a ends with a change of the former leader: add d. a wins the election, and its disk and b’s take its first entry.',
      rule: 'A change that is in the log of a new leader counts as under way until it is applied.',
      source: "Ongaro's thesis §4.1; etcd-io/raft pendingConfIndex",
    },
    () => {
      const raft = new Raft(memberState())
      raft.step(appendRequest({ entries: [...entries('1:x'), changeEntry(2, addVoter('d'))] }))
      settle(raft)
      raft.campaign()
      raft.step({ type: 'VoteResponse', from: 'b', to: 'a', term: 2, granted: true })
      settle(raft)
      raft.step(appendResponse({ matchIndex: 3 }))
      const decided = raft.ready()
      expect(
        decided.committedEntries.map(({ index }) => index),
        'what is committed now',
      ).toEqual([1, 2, 3])
      expect(raft.proposeChange(addVoter('e'), ''), 'a second change, before the first is applied').toBe(false)
      raft.advance(decided)
      expect(raft.status().voters, 'once it is').toEqual(['a', 'b', 'c', 'd'])
      expect(raft.proposeChange(addVoter('e'), ''), 'a second change, after that').toBe(true)
    },
  )
})

describe('applyChange', () => {
  lesson(
    'gives a new member a progress, and the log',
    {
      scenario: 'Leader a applies the change that makes d a learner.',
      rule: 'From when a change is applied, the leader sends the new member its log.',
      source: "Ongaro's thesis §4.2.1",
    },
    () => {
      const state = leaderState(settled)
      applyChange(state, addLearner('d'))
      expect([state.voters, state.learners]).toEqual([['a', 'b', 'c'], ['d']])
      expect(state.progress.d, 'what a knows of d’s log').toMatchObject({ matchIndex: 0, nextIndex: 3 })
      const toLearner = new Raft(state).ready().messages.filter(({ to }) => to === 'd')
      expect(onlyMessage(toLearner, 'AppendRequest')).toMatchObject({ prevLogIndex: 2, commitIndex: 2 })
    },
  )

  lesson(
    'keeps what is known of a learner’s log when it is promoted',
    {
      scenario: 'Learner d has the whole log of leader a, and becomes a voter.',
      rule: 'A promotion changes who counts, not what anyone has.',
      source: 'etcd-io/raft tracker',
    },
    () => {
      const progress = progressOf({ a: [2, 3], b: [2, 3], c: [2, 3], d: [2, 3] })
      const state = leaderState({ ...settled, learners: ['d'], progress })
      applyChange(state, addVoter('d'))
      expect([state.voters, state.learners]).toEqual([['a', 'b', 'c', 'd'], []])
      expect(state.progress.d).toMatchObject({ matchIndex: 2, nextIndex: 3 })
    },
  )

  lesson(
    'does not count learners: neither for commits nor for elections',
    {
      scenario: 'Voters a, b, c, learners d and e. Leader a has appended x; first both learners have it, then b.',
      rule: 'A majority is one of voters. A learner’s answers only tell how far it has come.',
      source: "Ongaro's thesis §4.2.1",
    },
    () => {
      const all = [2, 3] as const
      const progress = progressOf({ a: all, b: all, c: all, d: all, e: all })
      const raft = new Raft(leaderState({ ...settled, learners: ['d', 'e'], progress }))
      raft.propose('x')
      settle(raft)
      for (const from of ['d', 'e']) raft.step(appendResponse({ from, matchIndex: 3 }))
      settle(raft)
      expect(raft.inspect().progress.d!.matchIndex, 'what a knows of d').toBe(3)
      expect(raft.status().commitIndex, 'with a and two learners').toBe(2)
      raft.step(appendResponse({ from: 'b', matchIndex: 3 }))
      settle(raft)
      expect(raft.status().commitIndex, 'with a and voter b').toBe(3)
    },
  )

  lesson(
    'considers commitment again when fewer make a majority',
    {
      scenario: 'Of four voters a and b have index 3, which is one too few. Then d, which is down, is removed.',
      rule: 'The majority is one of the voters that are left.',
      source: "Ongaro's thesis §4.1",
    },
    () => {
      const progress = progressOf({ a: [3, 4], b: [3, 4], c: [2, 4], d: [0, 4] })
      const state = leaderState({ log: '1:x 2: 2:y', commitIndex: 2, voters: ['a', 'b', 'c', 'd'], progress })
      applyChange(state, remove('d'))
      expect(state.progress.d, 'what a still knows of d').toBeUndefined()
      const ready = new Raft(state).ready()
      expect(logText(ready.committedEntries), 'committed by two of three').toBe('2:y')
      expect(ready.messages.map(({ to }) => to).sort(), 'who hears of it').toEqual(['b', 'c'])
    },
  )

  lesson(
    'makes a leader step down that was removed, after it has told the others',
    {
      scenario: 'Leader a is asked to remove itself. b has the entry; so it is decided.',
      rule: 'A leader that is no member any more manages the cluster until its removal is committed, and then steps down.',
      source: "Ongaro's thesis §4.2.2",
    },
    () => {
      const raft = new Raft(leaderState(settled))
      expect(raft.proposeChange(remove('a'), ''), 'whether the change is taken').toBe(true)
      settle(raft)
      expect(raft.status().role, 'until it is committed').toBe('leader')
      raft.step(appendResponse({ from: 'b', matchIndex: 3 }))
      raft.step(appendResponse({ from: 'c', matchIndex: 3 }))
      const ready = raft.ready()
      const told = ready.messages.flatMap((message) => (message.type === 'AppendRequest' ? message.commitIndex : []))
      expect(told, 'commit indexes that go out').toEqual([3, 3])
      raft.advance(ready)
      expect(raft.status()).toMatchObject({ role: 'follower', term: 2, leader: null, voters: ['b', 'c'] })
      for (let tick = 0; tick < 100; tick++) raft.tick()
      expect(raft.status(), 'a hundred ticks later').toMatchObject({ role: 'follower', term: 2 })
    },
  )

  lesson(
    'takes effect on a follower when it applies the entry, not when it gets it',
    {
      scenario: 'Follower a gets the entry that adds d, then hears that it is committed.',
      rule: 'A change is in force from when its entry is applied; the voters of before commit it.',
      source: 'etcd-io/raft README, "Membership changes"',
    },
    () => {
      const raft = member({ leader: 'b' })
      raft.step(appendRequest({ entries: [changeEntry(1, addVoter('d'))] }))
      settle(raft)
      expect(raft.status().voters, 'with the entry in the log').toEqual(['a', 'b', 'c'])
      raft.step(appendRequest({ prevLogIndex: 1, prevLogTerm: 1, commitIndex: 1 }))
      settle(raft)
      expect(raft.status().voters, 'with the entry applied').toEqual(['a', 'b', 'c', 'd'])
    },
  )
})

describe('mayCampaign', () => {
  lesson(
    'is for voters that know of no later change',
    {
      scenario: 'A voter, and members that may not stand.',
      rule: 'Whoever stands must count the votes of those who vote now, as far as it can know.',
      source: 'etcd-io/raft raft.go, promotable and hup',
    },
    () => {
      const withChange = (different: Parameters<typeof memberState>[0]) => {
        const raft = memberState(different)
        raft.log.entries = [...entries('1:x'), changeEntry(2, addVoter('d'))]
        return raft
      }
      expect({
        'a voter': mayCampaign(memberState()),
        'a voter with commands to apply': mayCampaign(memberState({ log: '1:x 1:y', commitIndex: 2, appliedIndex: 0 })),
        'a change in the log that may not be committed': mayCampaign(withChange({ commitIndex: 1 })),
        'a committed change, not applied': mayCampaign(withChange({ commitIndex: 2, appliedIndex: 1 })),
        'a snapshot from the leader, not taken over': mayCampaign(memberState({ receivedSnapshot: snapshotOf(9, 1) })),
        'a learner': mayCampaign(memberState({ voters: ['b', 'c'], learners: ['a'] })),
        'a removed member': mayCampaign(memberState({ voters: ['b', 'c'] })),
      }).toEqual({
        'a voter': true,
        'a voter with commands to apply': true,
        'a change in the log that may not be committed': true,
        'a committed change, not applied': false,
        'a snapshot from the leader, not taken over': false,
        'a learner': false,
        'a removed member': false,
      })
    },
  )

  lesson(
    'a learner never stands, but gives its vote to one that counts on it',
    {
      scenario:
        'a believes that it is a learner. It hears nothing for a hundred ticks; then b, which knows that a was promoted, asks for its vote.',
      rule: 'Who is asked for a vote is a voter to the candidate, who knows the newer members. To refuse could leave the cluster without a leader.',
      source: 'etcd-io/raft raft.go, stepping MsgVote as a learner',
    },
    () => {
      const raft = member({ voters: ['b', 'c'], learners: ['a'], leader: 'b' })
      for (let tick = 0; tick < 100; tick++) raft.tick()
      expect(raft.status(), 'after a hundred ticks').toMatchObject({ role: 'follower', term: 1 })
      raft.step(voteRequest({ term: 2 }))
      expect(onlyMessage(raft.ready().messages, 'VoteResponse').granted, 'whether b has its vote').toBe(true)
    },
  )
})

describe('hasCaughtUp', () => {
  lesson(
    'asks for nine tenths of the leader’s log',
    {
      scenario: 'The leader has 100 entries on its disk; members have all, 90, 89 or none of them.',
      rule: 'A learner that lags far behind would, once it votes, hold up whatever needs its voice.',
      source: "Ongaro's thesis §4.2.1; etcd server/etcdserver/server.go, isLearnerReady",
    },
    () => {
      const progress = progressOf({ a: [100, 101], b: [100, 101], c: [90, 101], d: [89, 101], e: [0, 101] })
      const leader = leaderState({ learners: ['d', 'e'], progress })
      const caughtUp = Object.fromEntries(['b', 'c', 'd', 'e', 'f'].map((id) => [id, hasCaughtUp(leader, id)]))
      expect(caughtUp, 'by member; f is none').toEqual({ b: true, c: true, d: false, e: false, f: false })
    },
  )
})

describe('a cluster whose members change', () => {
  for (const story of membershipScenarios) scenarioLesson(story)
})
