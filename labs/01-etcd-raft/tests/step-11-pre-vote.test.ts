import { describe, expect } from 'vitest'
import { hasLostQuorum, hearsFromLeader, isDisturbance } from '#etcd/raft/check-quorum.ts'
import { createRaftState } from '#etcd/raft/create-state.ts'
import { holdsLease } from '#etcd/raft/lease-reads.ts'
import { becomePreCandidate, concludePreVote, decidePreVote } from '#etcd/raft/pre-vote.ts'
import { Raft } from '#etcd/raft/raft.ts'
import type { RaftFeatures } from '#etcd/raft/state.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import type { MemberId, PreVoteRequest } from '#kit/raft/messages.ts'
import { TICK_MS } from '#kit/sim/raft/options.ts'
import type { RaftSimulator } from '#kit/sim/raft/simulator.ts'
import { lesson } from '#kit/testing/lesson.ts'
import {
  appendRequest,
  appendResponse,
  leaderState,
  member,
  memberState,
  onlyMessage,
  progressOf,
  seeds,
  simulate,
  voteRequest,
} from './fixtures.ts'
import { MembersByHand } from './members-by-hand.ts'

const BOTH: RaftFeatures = { preVote: true, checkQuorum: true, leaseReads: false }
const LEASES: RaftFeatures = { ...BOTH, leaseReads: true }
/** The simulator's members are patient for ten ticks, which take up to a tenth longer than they should. */
const ELECTION_MS = 11 * TICK_MS

function preVoteRequest(different: Partial<PreVoteRequest> = {}): PreVoteRequest {
  return { type: 'PreVoteRequest', from: 'b', to: 'a', term: 1, lastLogIndex: 0, lastLogTerm: 0, ...different }
}

/** Handing over is step 1.12, which may not be written yet; then nobody does. */
function handOver(cluster: RaftSimulator, from: MemberId, to: MemberId): void {
  try {
    cluster.transferLeadership(from, to)
  } catch (error) {
    if (!isNotImplemented(error)) throw error
  }
}

describe('asking before standing', () => {
  const story = {
    scenario: 'Follower a of term 1, which has voted for c in it, has lost patience with its leader.',
    rule: 'Ask first: neither the term nor the vote changes by asking.',
    source: "Ongaro's thesis §9.6",
  }

  lesson('becoming a pre-candidate changes neither term nor vote', story, () => {
    const raft = memberState({ votedFor: 'c', leader: 'c', electionElapsed: 12 })
    becomePreCandidate(raft)
    const unchanged = { term: 1, votedFor: 'c' }
    expect(raft).toMatchObject({ role: 'pre-candidate', leader: null, votes: { a: true }, ...unchanged })
    expect(raft.electionElapsed, 'ticks of the fresh timeout').toBe(0)
  })

  lesson('asks everyone, in the term that it has', story, () => {
    const raft = member({ votedFor: 'c', leader: 'c', electionTimeout: 12, features: BOTH, log: '1:x' })
    for (let tick = 0; tick < 12; tick++) raft.tick()
    expect(raft.status()).toMatchObject({ role: 'pre-candidate', term: 1 })
    const { messages, hardState } = raft.ready()
    expect(messages).toEqual([
      { type: 'PreVoteRequest', from: 'a', to: 'b', term: 1, lastLogIndex: 1, lastLogTerm: 1 },
      { type: 'PreVoteRequest', from: 'a', to: 'c', term: 1, lastLogIndex: 1, lastLogTerm: 1 },
    ])
    expect(hardState, 'what is to be persisted').toBe(undefined)
  })

  lesson(
    'stands once a majority would agree, and not before',
    {
      scenario: 'Pre-candidate a of term 1, one of five, gets one yes, then a second one.',
      rule: 'The election proper begins with a majority of yes, our own included; only then does the term rise.',
      source: "Ongaro's thesis §9.6",
    },
    () => {
      const voters = ['a', 'b', 'c', 'd', 'e']
      const raft = memberState({ role: 'pre-candidate', voters, votes: { a: true, b: true }, features: BOTH })
      concludePreVote(raft)
      expect(raft, 'with two of five').toMatchObject({ role: 'pre-candidate', term: 1 })
      raft.votes.c = true
      concludePreVote(raft)
      expect(raft, 'with three of five').toMatchObject({
        role: 'candidate',
        term: 2,
        votedFor: 'a',
        votes: { a: true },
      })
      const requests = raft.outbox.map((sent) => `${sent.type} to ${sent.to}, term ${sent.term}`)
      expect(requests).toEqual(['b', 'c', 'd', 'e'].map((to) => `VoteRequest to ${to}, term 2`))
      expect(raft.outbox[0]).toMatchObject({ leadershipTransfer: false })
    },
  )

  lesson(
    'is a follower again, in the same term, when a majority says no',
    {
      scenario: 'Pre-candidate a of term 1, one of three, is refused by both others. Then a yes comes, too late.',
      rule: 'Who cannot win does not stand: the term stays, and nobody is disturbed.',
      source: "Ongaro's thesis §9.6",
    },
    () => {
      const raft = member({ role: 'pre-candidate', votes: { a: true }, features: BOTH })
      const answer = { type: 'PreVoteResponse', to: 'a', term: 1 } as const
      raft.step({ ...answer, from: 'b', granted: false })
      expect(raft.status().role, 'after one refusal').toBe('pre-candidate')
      raft.step({ ...answer, from: 'c', granted: false })
      expect(raft.status(), 'after both').toMatchObject({ role: 'follower', term: 1, leader: null })
      raft.step({ ...answer, from: 'b', granted: true })
      expect(raft.status(), 'after the late yes').toMatchObject({ role: 'follower', term: 1 })
    },
  )

  lesson(
    'alone in the cluster, it asks nobody and leads at once',
    {
      scenario: 'The only member of a cluster begins an election.',
      rule: 'The majority of one is one.',
      source: "Ongaro's thesis §9.6",
    },
    () => {
      const raft = member({ voters: ['a'], features: BOTH })
      raft.campaign()
      expect(raft.status()).toMatchObject({ role: 'leader', term: 2 })
    },
  )
})

describe('being asked', () => {
  lesson(
    'says yes only to a log as complete as its own, and only while it hears from no leader',
    {
      scenario: 'A member whose log ends at index 4, term 2, is asked by others whether it would vote for them.',
      rule: 'The answer is what it would be in an election, except that nobody is wanted while there is a leader.',
      source: "Ongaro's thesis §9.6; §4.2.3",
    },
    () => {
      const silent = { hearsFromLeader: false, lastLogIndex: 4, lastLogTerm: 2 }
      const led = { ...silent, hearsFromLeader: true }
      expect({
        'an equal log': decidePreVote(silent, { lastLogIndex: 4, lastLogTerm: 2 }),
        'a shorter log': decidePreVote(silent, { lastLogIndex: 3, lastLogTerm: 2 }),
        'a longer log of an older term': decidePreVote(silent, { lastLogIndex: 9, lastLogTerm: 1 }),
        'a better log, while a leader is heard': decidePreVote(led, { lastLogIndex: 9, lastLogTerm: 3 }),
      }).toEqual({
        'an equal log': true,
        'a shorter log': false,
        'a longer log of an older term': false,
        'a better log, while a leader is heard': false,
      })
    },
  )

  lesson(
    'the answer gives nothing away',
    {
      scenario: 'Member a, which has voted for c in term 1 and hears from no leader, is asked by b.',
      rule: 'The question is about a later term: an earlier vote does not matter, and no vote is given.',
      source: "Ongaro's thesis §9.6",
    },
    () => {
      const raft = member({ votedFor: 'c', electionElapsed: 8, features: BOTH })
      raft.step(preVoteRequest())
      const { outbox, votedFor, term, electionElapsed } = raft.inspect()
      expect(onlyMessage(outbox, 'PreVoteResponse')).toMatchObject({ to: 'b', term: 1, granted: true })
      expect({ votedFor, term, electionElapsed }).toEqual({ votedFor: 'c', term: 1, electionElapsed: 8 })
    },
  )

  lesson(
    'tells who asks in an old term that there is a newer one',
    {
      scenario:
        'b of term 1, which has the better log, asks a of term 3. c is down. If b never heard of term 3, neither could ever lead.',
      rule: 'A question of an old term is refused, and the refusal carries the newer term.',
      source: 'etcd-io/raft raft.go, Step, MsgPreVote of a lower term',
    },
    () => {
      const raft = member({ term: 3, features: BOTH })
      raft.step(preVoteRequest({ term: 1, lastLogIndex: 5, lastLogTerm: 1 }))
      expect(onlyMessage(raft.inspect().outbox, 'PreVoteResponse')).toMatchObject({ to: 'b', term: 3, granted: false })
    },
  )
})

describe('keeping faith with a leader that is heard', () => {
  lesson(
    'from its first word on',
    {
      scenario:
        'A member that has just started, and would not wait long for a leader that may not exist, hears from one, in its own term or a newer one.',
      rule: 'A leader that is heard once is waited for as long as any: for an election timeout at least.',
      source: 'Raft §5.2',
    },
    () => {
      const hardState = { term: 1, votedFor: null, commitIndex: 0 }
      for (const term of [1, 4]) {
        const timing = { electionTicks: 10, firstElectionTicks: 3 }
        const raft = new Raft(
          createRaftState({ id: 'a', voters: ['a', 'b', 'c'], seed: 1, timing, features: BOTH, hardState }),
        )
        raft.step(appendRequest({ term }))
        for (let tick = 0; tick < 9; tick++) raft.tick()
        raft.step(preVoteRequest({ from: 'c', term }))
        const { outbox, role } = raft.inspect()
        const answer = onlyMessage(outbox, 'PreVoteResponse')
        const said = { role, granted: answer.granted }
        expect(said, `9 ticks after it was heard in term ${term}`).toEqual({ role: 'follower', granted: false })
      }
    },
  )

  lesson(
    'a leader is heard for the least election timeout after its last word',
    {
      scenario: 'Members with electionTicks 10, whose own patience happens to be 17 ticks, in different situations.',
      rule: 'The least election timeout counts, not the one that was drawn: after it, a vote must be possible.',
      source: "Ongaro's thesis §4.2.3",
    },
    () => {
      const heard = (situation: Parameters<typeof memberState>[0]) =>
        hearsFromLeader(memberState({ electionTimeout: 17, ...situation }))
      expect({
        'the leader itself': heard({ role: 'leader', leader: 'a', electionElapsed: 30 }),
        'heard 9 ticks ago': heard({ leader: 'b', electionElapsed: 9 }),
        'heard 10 ticks ago': heard({ leader: 'b', electionElapsed: 10 }),
        'no leader known': heard({ leader: null, electionElapsed: 0 }),
      }).toEqual({
        'the leader itself': true,
        'heard 9 ticks ago': true,
        'heard 10 ticks ago': false,
        'no leader known': false,
      })
    },
  )

  lesson(
    'requests that would depose it are ignored, as the features say',
    {
      scenario: 'Follower a of term 1 hears from its leader c. Requests of b arrive, of terms 1 and 9.',
      rule: 'Who hears from a leader neither answers a candidate nor takes its term over, unless the leader wants the election.',
      source: "Ongaro's thesis §4.2.3, §3.10",
    },
    () => {
      const ignores = (request: Parameters<typeof isDisturbance>[1], features: Partial<RaftFeatures>, elapsed = 3) => {
        const state = { leader: 'c', electionElapsed: elapsed, features: { ...BOTH, ...features } }
        return isDisturbance(memberState(state), request)
      }
      const vote = voteRequest({ term: 9 })
      const question = preVoteRequest({ term: 9 })
      expect({
        'a vote request': ignores(vote, {}),
        'without check-quorum': ignores(vote, { checkQuorum: false }),
        'in our own term': ignores(voteRequest({ term: 1 }), {}),
        'at the wish of the leader': ignores(voteRequest({ term: 9, leadershipTransfer: true }), {}),
        'when the leader has been silent': ignores(vote, {}, 10),
        'a question': ignores(question, {}),
        'a question, without pre-vote': ignores(question, { preVote: false }),
        'a question in our own term': ignores(preVoteRequest({ term: 1 }), {}),
      }).toEqual({
        'a vote request': true,
        'without check-quorum': false,
        'in our own term': false,
        'at the wish of the leader': false,
        'when the leader has been silent': false,
        'a question': true,
        'a question, without pre-vote': false,
        'a question in our own term': false,
      })
    },
  )

  lesson(
    'an ignored request leaves no trace',
    {
      scenario:
        'Follower a of term 1 hears from its leader c. A candidate of term 9 asks for its vote; then c sends a heartbeat.',
      rule: 'Nobody who hears from a leader is talked out of it.',
      source: "Ongaro's thesis §4.2.3",
    },
    () => {
      const raft = member({ leader: 'c', electionElapsed: 3, features: BOTH })
      raft.step(voteRequest({ term: 9 }))
      expect(raft.inspect()).toMatchObject({ term: 1, leader: 'c', votedFor: null, electionElapsed: 3, outbox: [] })
      raft.step(appendRequest({ from: 'c' }))
      expect(onlyMessage(raft.inspect().outbox, 'AppendResponse')).toMatchObject({ to: 'c', accepted: true })
    },
  )
})

describe('a leader that nobody answers', () => {
  const story = {
    scenario: 'A leader in office for 30 ticks knows when each of the voters last answered.',
    rule: 'Without an answer from a majority within an election timeout, one is no leader any more.',
    source: "Ongaro's thesis §6.2",
  }

  lesson('counts a majority of the voters, itself included', story, () => {
    const all = ['a', 'b', 'c', 'd', 'e']
    const hasLost = (heardAt: Record<string, number>, voters = all, officeTicks = 30) => {
      const learners = all.filter((id) => voters.length > 1 && !voters.includes(id))
      return hasLostQuorum(leaderState({ voters, learners, heardAt, officeTicks, features: BOTH }))
    }
    expect({
      'all have answered': hasLost({ b: 30, c: 29, d: 30, e: 28 }),
      'two of four, 9 ticks ago': hasLost({ b: 21, c: 21 }),
      'two of four, one 10 ticks ago': hasLost({ b: 30, c: 20 }),
      'one of four': hasLost({ b: 30 }),
      'nobody yet, 9 ticks in office': hasLost({}, undefined, 9),
      'nobody yet, 10 ticks in office': hasLost({}, undefined, 10),
      'both learners, and no voter': hasLost({ d: 30, e: 30 }, ['a', 'b', 'c']),
      alone: hasLost({}, ['a']),
    }).toEqual({
      'all have answered': false,
      'two of four, 9 ticks ago': false,
      'two of four, one 10 ticks ago': true,
      'one of four': true,
      'nobody yet, 9 ticks in office': false,
      'nobody yet, 10 ticks in office': true,
      'both learners, and no voter': true,
      alone: false,
    })
  })

  lesson('steps down in its own term, and knows no leader', story, () => {
    const raft = new Raft(leaderState({ features: BOTH }))
    for (let tick = 0; tick < 9; tick++) raft.tick()
    raft.step(appendResponse())
    for (let tick = 0; tick < 9; tick++) raft.tick()
    expect(raft.status().role, '9 ticks after an answer').toBe('leader')
    raft.tick()
    expect(raft.status(), '10 ticks after it').toMatchObject({ role: 'follower', term: 2, leader: null })
    const patient = new Raft(leaderState({ features: { ...BOTH, checkQuorum: false } }))
    for (let tick = 0; tick < 50; tick++) patient.tick()
    expect(patient.status().role, 'without the feature').toBe('leader')
  })
})

describe('in a cluster', () => {
  const settled = (members: number, seed: number, features = BOTH) => {
    const cluster = simulate({ members, seed, features })
    cluster.runUntil(() => cluster.leader() !== undefined, 5000)
    cluster.run(300)
    return cluster
  }

  lesson(
    'a member that was cut off returns without disturbing anybody',
    {
      scenario:
        'One of five members is cut off for three seconds, thirty times its patience, and comes back. Commands go on all the time.',
      rule: 'Whoever comes back finds leader and term as they were.',
      source: "Ongaro's thesis §9.6",
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const cluster = settled(5, number)
        const leader = cluster.leader()!
        const { term } = cluster.status(leader)!
        const lost = cluster.random.pick(cluster.ids.filter((id) => id !== leader))
        cluster.partition(cluster.ids.filter((id) => id !== lost))
        for (let second = 0; second < 3; second++) {
          cluster.propose(leader, String(second))
          cluster.run(1000)
        }
        expect(cluster.status(lost)!.term, `term of ${lost} while it is cut off, seed ${number}`).toBe(term)
        cluster.heal()
        cluster.run(1000)
        const states = cluster.ids.map((id) => `${cluster.status(id)!.leader} ${cluster.status(id)!.term}`)
        expect(new Set(states), `leader and term that each knows, seed ${number}`).toEqual(
          new Set([`${leader} ${term}`]),
        )
        expect(cluster.applied(lost), `what ${lost} has applied, seed ${number}`).toEqual(['0', '1', '2'])
      }
    },
  )

  lesson(
    'a leader cut off with a minority steps down within an election timeout',
    {
      scenario: 'The leader and one follower are separated from the other three.',
      rule: 'A leader that cannot reach a majority does not go on for longer than an election timeout.',
      source: "Ongaro's thesis §6.2",
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const cluster = settled(5, number)
        const old = cluster.leader()!
        const others = cluster.ids.filter((id) => id !== old)
        cluster.partition([old, others[0]!], others.slice(1))
        const isOver = () => cluster.status(old)!.role !== 'leader'
        // Answers that were under way when the wire broke are lost; heartbeats go out every second tick.
        cluster.runUntil(isOver, ELECTION_MS + 3 * TICK_MS)
        const { role } = cluster.status(old)!
        expect(role, `role of ${old} after an election timeout alone with ${others[0]}, seed ${number}`).toBe(
          'follower',
        )
        cluster.run(2000)
        const leader = cluster.leader()
        expect(others.slice(1), `where the new leader is, seed ${number}`).toContain(leader)
      }
    },
  )

  lesson(
    'a leader that is heard but hears nobody makes room',
    {
      scenario:
        'What the followers send to the leader is lost; its heartbeats still reach them, and keep them from electing another.',
      rule: 'The leader notices that nobody answers and steps down; then its heartbeats end, and another one is elected.',
      source: "Ongaro's thesis §6.2",
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const cluster = settled(3, number)
        const old = cluster.leader()!
        const others = cluster.ids.filter((id) => id !== old)
        for (const id of others) cluster.cut(id, old)
        cluster.run(2000)
        const leader = cluster.leader()
        expect(others, `where the leader is two seconds later, seed ${number}`).toContain(leader)
        cluster.propose(leader!, 'x')
        cluster.run(200)
        expect(cluster.applied(leader!), `what it has decided, seed ${number}`).toEqual(['x'])
      }
    },
  )

  lesson(
    'one broken wire does not set members against each other',
    {
      scenario:
        'The leader and one follower no longer hear each other; the third member hears both. The follower would stand again and again.',
      rule: 'Whoever hears from a leader helps nobody to depose it: the leader stays, in its term.',
      source: "Ongaro's thesis §4.2.3",
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const cluster = settled(3, number)
        const leader = cluster.leader()!
        const { term } = cluster.status(leader)!
        const [deaf, between] = cluster.ids.filter((id) => id !== leader)
        cluster.partition([leader, between!], [between!, deaf!])
        cluster.run(5000)
        expect(cluster.status(leader), `seed ${number}`).toMatchObject({ role: 'leader', term })
        expect(cluster.status(between!), `seed ${number}`).toMatchObject({ leader, term })
      }
    },
  )

  lesson(
    'a member stuck in a newer term is taken in again',
    {
      scenario:
        'A member comes back with term 50 on its disk, while the others live happily in a much older one and ignore it.',
      rule: 'It refuses the leader of an older term, and the refusal carries its term: the leader steps down, and all meet in a newer one.',
      source: 'etcd-io/raft raft.go, Step, MsgApp of a lower term with checkQuorum',
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const cluster = settled(3, number)
        const stuck = cluster.random.pick(cluster.ids.filter((id) => id !== cluster.leader()))
        cluster.crash(stuck)
        cluster.setDisk(stuck, { term: 50, votedFor: null, commitIndex: 0 }, [])
        cluster.restart(stuck)
        cluster.run(2000)
        const leader = cluster.leader()!
        expect(cluster.status(leader)!.term, `the term, seed ${number}`).toBeGreaterThan(50)
        cluster.propose(leader, 'together')
        cluster.run(300)
        expect(cluster.applied(stuck), `what ${stuck} has applied, seed ${number}`).toEqual(['together'])
      }
    },
  )

  lesson(
    'an election that must happen happens',
    {
      scenario:
        'Members crash, messages get lost, wires break in one direction or both, for two seconds. Then all is well again, except that a member may stay down.',
      rule: 'Neither feature may keep a majority that hears each other from having a leader.',
      source: 'Ongaro\'s thesis §9.6, "liveness"',
    },
    ({ seed }) => {
      for (const number of seeds(25)) {
        seed(number)
        const faults = { loss: 0.1, duplication: 0.1, maxDelayMs: 30, crash: 0.005 }
        const cluster = simulate({ members: number % 2 === 0 ? 3 : 5, seed: number, faults, features: BOTH })
        const { random, ids } = cluster
        for (let round = 0; round < 20; round++) {
          if (random.chance(0.3)) cluster.cut(random.pick(ids), random.pick(ids))
          if (random.chance(0.2)) cluster.partition([random.pick(ids), random.pick(ids)], [random.pick(ids), ...ids])
          if (random.chance(0.3)) cluster.heal()
          cluster.propose(random.pick(ids), String(round))
          cluster.run(random.below(200))
        }
        cluster.faults = { ...cluster.faults, loss: 0, crash: 0 }
        cluster.heal()
        cluster.run(500)
        for (const id of ids) cluster.restart(id)
        if (random.chance(0.5)) cluster.crash(random.pick(ids))
        cluster.run(1500)
        const leader = cluster.leader()
        expect(leader, `the leader, two seconds after all is well, seed ${number}`).not.toBe(undefined)
        cluster.propose(leader!, 'last')
        cluster.run(300)
        expect(cluster.applied(leader!).at(-1), `what is decided last, seed ${number}`).toBe('last')
      }
    },
  )
})

describe('lease reads', () => {
  const inLease = {
    log: '1:x 2:',
    commitIndex: 2,
    features: LEASES,
    officeTicks: 20,
    readRound: 7,
    leaseRounds: [
      { round: 5, sentAt: 9 },
      { round: 6, sentAt: 12 },
      { round: 7, sentAt: 19 },
    ],
  }
  const answered = (rounds: Record<string, number>) =>
    Object.fromEntries(
      Object.entries(progressOf({ a: [2, 3], b: [2, 3], c: [2, 3] })).map(([id, progress]) => [
        id,
        { ...progress, readRound: rounds[id] ?? 7 },
      ]),
    )

  lesson(
    'a lease begins when the heartbeat left that a majority has answered',
    {
      scenario: 'Leader a, 20 ticks in office, sent rounds 5, 6 and 7 at its ticks 9, 12 and 19. electionTicks is 10.',
      rule: 'Who got that heartbeat got it later than it was sent, and keeps faith for an election timeout from then. A tick is lost to rounding.',
      source: "Ongaro's thesis §6.4.1",
    },
    () => {
      const { a } = answered({})
      const byLearners = { d: a!, e: a! }
      const holds = (b: number, c: number, different: Parameters<typeof leaderState>[0] = {}) =>
        holdsLease(leaderState({ ...inLease, progress: answered({ b, c }), ...different }))
      expect({
        'round 7 is answered': holds(7, 5),
        'round 6 is answered, 8 ticks old': holds(6, 0),
        'round 6, 9 ticks old': holds(6, 0, { officeTicks: 21 }),
        'round 5, 11 ticks old': holds(5, 5),
        'none is': holds(0, 0),
        'round 7 is, but the office was offered': holds(7, 7, { hasOfferedOffice: true }),
        'only learners have answered': holds(0, 0, {
          learners: ['d', 'e'],
          progress: { ...answered({ b: 0, c: 0 }), ...byLearners },
        }),
      }).toEqual({
        'round 7 is answered': true,
        'round 6 is answered, 8 ticks old': true,
        'round 6, 9 ticks old': false,
        'round 5, 11 ticks old': false,
        'none is': false,
        'round 7 is, but the office was offered': false,
        'only learners have answered': false,
      })
    },
  )

  lesson(
    'within it, reads are answered at once',
    {
      scenario: 'Leader a holds a lease. It is asked to read, once by a client of its own and once by b.',
      rule: 'No messages are needed while nobody else can lead.',
      source: "Ongaro's thesis §6.4.1",
    },
    () => {
      const raft = new Raft(leaderState({ ...inLease, progress: answered({}) }))
      raft.readIndex('mine')
      raft.step({ type: 'ReadIndexRequest', from: 'b', to: 'a', term: 2, context: 'yours' })
      const { reads, messages } = raft.ready()
      expect(reads).toEqual([{ context: 'mine', index: 2 }])
      expect(messages.map(({ type, to }) => `${type} to ${to}`)).toEqual(['ReadIndexResponse to b'])
    },
  )

  lesson(
    'a clock that runs slow makes them wrong',
    {
      scenario:
        'Leader a is cut off; b and c elect another and decide something new. Then a is asked to read. Once its clock ran like the others’, once it has hardly moved.',
      rule: 'A lease is a promise about time: it holds only while all clocks run at about the same speed. A round of messages needs no clock.',
      source: "Ongaro's thesis §6.4.1",
    },
    () => {
      const readAfterBeingDeposed = (features: RaftFeatures, ticksOfA: number) => {
        const cluster = new MembersByHand(['a', 'b', 'c'], features)
        cluster.get('a').campaign()
        cluster.tick('a', 'a', 'a')
        cluster.isolate('a')
        for (let tick = 0; tick < 60; tick++) {
          if (tick < ticksOfA) cluster.tick('a')
          cluster.tick('b', 'c')
        }
        const leader = ['b', 'c'].find((id) => cluster.get(id).status().role === 'leader')!
        cluster.get(leader).propose('new')
        cluster.settle()
        cluster.get('a').readIndex('r')
        cluster.settle()
        const decided = cluster.get(leader).status().commitIndex
        return cluster.reads('a').map(({ index }) => (index < decided ? 'stale' : 'fresh'))
      }
      expect({
        'lease reads, equal clocks': readAfterBeingDeposed(LEASES, 60),
        'lease reads, a slow clock': readAfterBeingDeposed(LEASES, 2),
        'rounds of messages, equal clocks': readAfterBeingDeposed(BOTH, 60),
        'rounds of messages, a slow clock': readAfterBeingDeposed(BOTH, 2),
      }).toEqual({
        'lease reads, equal clocks': [],
        'lease reads, a slow clock': ['stale'],
        'rounds of messages, equal clocks': [],
        'rounds of messages, a slow clock': [],
      })
    },
  )

  lesson(
    'a member that restarts stays out of elections for a while',
    {
      scenario:
        'Member a restarts with term 3 on its disk. It no longer knows that it heard from a leader a moment ago, who counts on it.',
      rule: 'What a member has promised must hold across a restart; what it cannot remember, it assumes.',
      source: "Ongaro's thesis §6.4.1",
    },
    () => {
      const hardState = { term: 3, votedFor: null, commitIndex: 0 }
      const timing = { electionTicks: 10, firstElectionTicks: 3 }
      const raft = new Raft(
        createRaftState({ id: 'a', voters: ['a', 'b', 'c'], seed: 1, timing, features: LEASES, hardState }),
      )
      for (let tick = 0; tick < 9; tick++) raft.tick()
      raft.step(preVoteRequest({ term: 3 }))
      raft.step(voteRequest({ term: 4 }))
      expect(raft.inspect(), 'after 9 ticks').toMatchObject({ role: 'follower', term: 3, outbox: [] })
      raft.tick()
      raft.step(voteRequest({ term: 4 }))
      expect(raft.inspect(), 'after 10 ticks').toMatchObject({ term: 4, votedFor: 'b' })
    },
  )

  lesson(
    'with clocks that run alike, every read sees what was decided before it',
    {
      scenario:
        'Members with lease reads, crashes, partitions, a bad network. Each read is compared with what had been decided anywhere when it began.',
      rule: 'Linearizability: a read that begins after a write was acknowledged sees it.',
      source: "Ongaro's thesis §6.4.1",
    },
    ({ seed }) => {
      let served = 0
      for (const number of seeds(15)) {
        seed(number)
        const faults = { loss: 0.05, duplication: 0.1, maxDelayMs: 30, crash: 0.002 }
        const cluster = simulate({ members: 3, seed: number, faults, features: LEASES })
        const { random, ids } = cluster
        const decidedWhenAsked = new Map<string, number>()
        for (let round = 0; round < 60; round++) {
          cluster.propose(random.pick(ids), String(round))
          if (random.chance(0.1)) cluster.partition([random.pick(ids)], ids)
          if (random.chance(0.1)) handOver(cluster, random.pick(ids), random.pick(ids))
          if (random.chance(0.3)) cluster.heal()
          for (const id of ids) {
            const context = `read ${round} ${id}`
            decidedWhenAsked.set(context, cluster.judge.committed.length)
            cluster.read(id, context)
          }
          cluster.run(random.below(120))
          for (const read of ids.flatMap((id) => cluster.reads(id))) {
            served++
            const decided = decidedWhenAsked.get(read.context)!
            expect(read.index, `index of ${read.context}, seed ${number}`).toBeGreaterThanOrEqual(decided)
          }
        }
      }
      expect(served, 'reads served in all runs').toBeGreaterThan(300)
    },
  )
})
