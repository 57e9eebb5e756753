import { describe, expect } from 'vitest'
import { Raft } from '#etcd/raft/raft.ts'
import type { RaftFeatures } from '#etcd/raft/state.ts'
import { continueTransfer, handleTimeoutNow, tickTransfer, transferLeadership } from '#etcd/raft/transfer.ts'
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
} from './fixtures.ts'
import { MembersByHand } from './members-by-hand.ts'

const FEATURES: RaftFeatures = { preVote: true, checkQuorum: true, leaseReads: false }
/** Leader a of three, with two entries; b has both, c only the first. */
const led = () => ({ log: '1:x 2:y', progress: progressOf({ a: [2, 3], b: [2, 3], c: [1, 3] }) })
const timeoutNow = { type: 'TimeoutNow', from: 'b', to: 'a', term: 1 } as const

describe('beginning to hand over', () => {
  lesson(
    'tells a transferee that has the whole log at once',
    {
      scenario: 'Leader a is asked to hand over to b, which has the whole log.',
      rule: 'A transferee with the whole log can win an election now.',
      source: "Ongaro's thesis §3.10",
    },
    () => {
      const raft = leaderState({ ...led(), transferElapsed: 5 })
      expect(transferLeadership(raft, 'b'), 'whether it hands over').toBe(true)
      expect(raft).toMatchObject({ role: 'leader', transferee: 'b', transferElapsed: 0, hasOfferedOffice: true })
      expect(raft.outbox).toEqual([{ type: 'TimeoutNow', from: 'a', to: 'b', term: 2 }])
    },
  )

  lesson(
    'first brings the transferee up to date',
    {
      scenario: 'Leader a is asked to hand over to c, which lacks the last entry. Its answers come one by one.',
      rule: 'A candidate without the whole log may lose, and an election would have been for nothing.',
      source: "Ongaro's thesis §3.10",
    },
    () => {
      const raft = new Raft(leaderState(led()))
      raft.transferLeadership('c')
      expect(raft.inspect(), 'before any answer').toMatchObject({
        transferee: 'c',
        hasOfferedOffice: false,
        mustAnnounce: true,
      })
      const told = () => raft.ready().messages.filter(({ type }) => type === 'TimeoutNow')
      expect(told(), 'told before any answer').toEqual([])
      raft.step(appendResponse({ from: 'c', matchIndex: 1 }))
      raft.step(appendResponse({ from: 'b', matchIndex: 2 }))
      expect(told(), 'told with c’s log still too short').toEqual([])
      raft.step(appendResponse({ from: 'c', matchIndex: 2 }))
      expect(
        told().map(({ to }) => to),
        'told when c has it all',
      ).toEqual(['c'])
    },
  )

  lesson(
    'only a leader can, and only to another voter',
    {
      scenario:
        'Leader a of the voters a, b, c, with the learner d, is asked to hand over to different ones; a follower is asked too.',
      rule: 'Whoever cannot win an election cannot take over.',
      source: 'etcd-io/raft raft.go, MsgTransferLeader',
    },
    () => {
      const verdict = (to: string, role: 'leader' | 'follower' = 'leader') => {
        const raft = leaderState({ ...led(), learners: ['d'], role })
        raft.progress.d = { ...raft.progress.b! }
        return `${transferLeadership(raft, to)}, transferee ${raft.transferee}`
      }
      expect({
        'another voter': verdict('b'),
        itself: verdict('a'),
        'a learner': verdict('d'),
        'nobody known': verdict('x'),
        'by a follower': verdict('b', 'follower'),
      }).toEqual({
        'another voter': 'true, transferee b',
        itself: 'false, transferee null',
        'a learner': 'false, transferee null',
        'nobody known': 'false, transferee null',
        'by a follower': 'false, transferee null',
      })
    },
  )

  lesson(
    'a second transfer replaces the first; the same one again changes nothing',
    {
      scenario: 'A transfer to c has been under way for 6 ticks. It is asked for again; then one to b is asked for.',
      rule: 'The operator’s last word counts; asking twice does not make it last longer.',
      source: 'etcd-io/raft raft.go, MsgTransferLeader',
    },
    () => {
      const raft = leaderState({ ...led(), transferee: 'c', transferElapsed: 6 })
      expect(transferLeadership(raft, 'c')).toBe(true)
      expect(raft, 'asked again').toMatchObject({ transferee: 'c', transferElapsed: 6, outbox: [] })
      expect(transferLeadership(raft, 'b')).toBe(true)
      expect(raft, 'asked for another').toMatchObject({ transferee: 'b', transferElapsed: 0 })
      expect(onlyMessage(raft.outbox, 'TimeoutNow').to).toBe('b')
    },
  )

  lesson(
    'repeats what may have got lost',
    {
      scenario:
        'b has the whole log and was told to stand. It answers a later heartbeat, so it seems not to have heard. c answers too.',
      rule: 'Any message may get lost; the transferee is told again with each of its answers, and nobody else is.',
      source: 'etcd-io/raft raft.go, MsgAppResp',
    },
    () => {
      const raft = new Raft(leaderState({ ...led(), transferee: 'b', hasOfferedOffice: true }))
      raft.step(appendResponse({ from: 'b', matchIndex: 2 }))
      raft.step(appendResponse({ from: 'c', matchIndex: 2 }))
      expect(onlyMessage(raft.ready().messages, 'TimeoutNow').to).toBe('b')
    },
  )

  lesson(
    'says nothing when no transfer is under way',
    {
      scenario: 'Leader a, with everyone’s log complete, hands over to nobody.',
      rule: 'TimeoutNow goes to the transferee only.',
      source: "Ongaro's thesis §3.10",
    },
    () => {
      const raft = leaderState(led())
      continueTransfer(raft)
      expect(raft).toMatchObject({ outbox: [], hasOfferedOffice: false })
    },
  )
})

describe('while it is under way', () => {
  lesson(
    'the leader takes no proposals of its own clients',
    {
      scenario: 'A transfer to c is under way; a client brings a command. Later the transfer is given up.',
      rule: 'With new entries the transferee would never have the whole log. Refused is refused: the caller tries again later.',
      source: "Ongaro's thesis §3.10; etcd-io/raft ErrProposalDropped",
    },
    () => {
      const raft = new Raft(leaderState(led()))
      raft.transferLeadership('c')
      expect(raft.propose('z'), 'during the transfer').toBe(false)
      expect(raft.status().lastIndex, 'last entry').toBe(2)
      for (let tick = 0; tick < 10; tick++) raft.tick()
      expect(raft.propose('z'), 'after it').toBe(true)
    },
  )

  lesson(
    'gives up after an election timeout',
    {
      scenario: 'The transferee does not take over. electionTicks is 10.',
      rule: 'If leadership has not moved within about an election timeout, the leader goes on as before.',
      source: "Ongaro's thesis §3.10",
    },
    () => {
      const raft = leaderState({ ...led(), transferee: 'c' })
      for (let tick = 0; tick < 9; tick++) tickTransfer(raft)
      expect(raft, 'after 9 ticks').toMatchObject({ transferee: 'c', transferElapsed: 9 })
      tickTransfer(raft)
      expect(raft, 'after 10').toMatchObject({ transferee: null, role: 'leader', term: 2 })
    },
  )

  lesson(
    'commands that followers passed on wait, and go to whoever leads afterwards',
    {
      scenario: 'During a transfer b passes on a command. Once the transfer is given up; once c takes over.',
      rule: 'Who passed it on does not know of the transfer, and will not do it again: it must not get lost.',
      source: "Ongaro's thesis §3.10",
    },
    () => {
      const asked = () => {
        const raft = new Raft(leaderState({ ...led(), voters: ['a', 'b', 'c'] }))
        raft.transferLeadership('c')
        raft.step({ type: 'ProposeRequest', from: 'b', to: 'a', term: 2, commands: ['z'] })
        raft.ready()
        expect(raft.status().lastIndex, 'last entry during the transfer').toBe(2)
        return raft
      }
      const goesOn = asked()
      for (let tick = 0; tick < 10; tick++) goesOn.tick()
      expect(
        goesOn
          .ready()
          .entries.map(({ data }) => data)
          .at(-1),
        'what the same leader appends',
      ).toBe('z')

      const hasLeft = asked()
      hasLeft.step(appendRequest({ from: 'c', term: 3, prevLogIndex: 2, prevLogTerm: 2 }))
      const passedOn = onlyMessage(hasLeft.ready().messages, 'ProposeRequest')
      expect(passedOn, 'what the new leader gets').toMatchObject({ to: 'c', term: 3, commands: ['z'] })
    },
  )
})

describe('taking over', () => {
  lesson(
    'stands at once, without asking first, and says why',
    {
      scenario: 'Follower a, with pre-vote and check-quorum, hears from its leader b, which now wants it to take over.',
      rule: 'The leader’s wish is reason enough: no timeout, no pre-vote, and the others are told not to refuse for the leader’s sake.',
      source: "Ongaro's thesis §3.10",
    },
    () => {
      const raft = member({ leader: 'b', features: FEATURES, log: '1:x' })
      raft.step(timeoutNow)
      expect(raft.status()).toMatchObject({ role: 'candidate', term: 2 })
      const requests = raft.ready().messages
      const request = { type: 'VoteRequest', term: 2, lastLogIndex: 1, lastLogTerm: 1, leadershipTransfer: true }
      expect(requests).toMatchObject([
        { ...request, to: 'b' },
        { ...request, to: 'c' },
      ])
    },
  )

  lesson(
    'only a voter that does not lead does so',
    {
      scenario: 'TimeoutNow reaches a learner, a leader, and a member that was removed.',
      rule: 'Who has no vote cannot lead; who leads has nothing to take over.',
      source: 'etcd-io/raft raft.go, hup, promotable',
    },
    () => {
      const outcome = (situation: Parameters<typeof memberState>[0]) => {
        const raft = memberState(situation)
        handleTimeoutNow(raft)
        return `${raft.role} of term ${raft.term}`
      }
      expect({
        'a learner': outcome({ voters: ['b', 'c'], learners: ['a'] }),
        'one that was removed': outcome({ voters: ['b', 'c'] }),
        'a leader': outcome({ role: 'leader', leader: 'a' }),
        'a voter': outcome({ leader: 'b' }),
      }).toEqual({
        'a learner': 'follower of term 1',
        'one that was removed': 'follower of term 1',
        'a leader': 'leader of term 1',
        'a voter': 'candidate of term 2',
      })
    },
  )

  lesson(
    'a wish of an old term is none',
    {
      scenario: 'A TimeoutNow of term 1 was long under way and arrives in term 4.',
      rule: 'Whoever speaks from an old term is not listened to.',
      source: 'Raft §5.1',
    },
    () => {
      const raft = member({ term: 4, leader: 'c', features: FEATURES })
      raft.step(timeoutNow)
      expect(raft.inspect()).toMatchObject({ role: 'follower', term: 4, leader: 'c', outbox: [] })
    },
  )
})

describe('in a cluster', () => {
  lesson(
    'leadership moves without a moment of silence',
    {
      scenario:
        'Three members with pre-vote and check-quorum. The leader hands over to another; no time passes at all.',
      rule: 'One TimeoutNow, one round of votes: nobody waits for an election timeout.',
      source: "Ongaro's thesis §3.10",
    },
    () => {
      const cluster = new MembersByHand(['a', 'b', 'c'], FEATURES)
      cluster.get('a').campaign()
      cluster.tick('a', 'a')
      const { term } = cluster.get('a').status()
      expect(cluster.get('a').transferLeadership('c')).toBe(true)
      cluster.settle()
      const roles = ['a', 'b', 'c'].map(
        (id) => `${id} ${cluster.get(id).status().role} ${cluster.get(id).status().term}`,
      )
      expect(roles).toEqual([`a follower ${term + 1}`, `b follower ${term + 1}`, `c leader ${term + 1}`])
      expect(cluster.get('b').status().leader, 'whom b follows').toBe('c')
    },
  )

  lesson(
    'when the transferee is dead, the leader soon goes on',
    {
      scenario: 'The leader of three is asked to hand over to a member that has just crashed.',
      rule: 'A transfer costs at most an election timeout, and never the leader.',
      source: "Ongaro's thesis §3.10",
    },
    ({ seed }) => {
      for (const number of seeds(10)) {
        seed(number)
        const cluster = simulate({ members: 3, seed: number, features: FEATURES })
        cluster.runUntil(() => cluster.leader() !== undefined, 5000)
        cluster.run(300)
        const leader = cluster.leader()!
        const { term } = cluster.status(leader)!
        const dead = cluster.ids.find((id) => id !== leader)!
        cluster.crash(dead)
        expect(cluster.transferLeadership(leader, dead), `it tries, seed ${number}`).toBe(true)
        cluster.run(60)
        expect(cluster.propose(leader, 'early'), `proposals, 60 ms later, seed ${number}`).toBe(false)
        cluster.run(70)
        expect(cluster.status(leader), `130 ms later, seed ${number}`).toMatchObject({ role: 'leader', term })
        expect(cluster.propose(leader, 'x'), `proposals, 130 ms later, seed ${number}`).toBe(true)
        cluster.run(100)
        expect(cluster.applied(leader), `what is decided, seed ${number}`).toEqual(['x'])
      }
    },
  )

  lesson(
    'handing over again and again loses nothing, whatever else goes wrong',
    {
      scenario:
        'Leadership is handed to and fro while commands come to every member, messages get lost and doubled, and members crash. Then all is well again.',
      rule: 'A transfer is an election that somebody wished for, and as safe as any: the judge looks on.',
      source: "Ongaro's thesis §3.10; Raft figure 3",
    },
    ({ seed }) => {
      let handedOver = 0
      for (const number of seeds(30)) {
        seed(number)
        const faults = { loss: 0.05, duplication: 0.1, maxDelayMs: 20, crash: 0.002 }
        const cluster = simulate({ members: number % 2 === 0 ? 3 : 5, seed: number, faults, features: FEATURES })
        const { random, ids } = cluster
        for (let round = 0; round < 40; round++) {
          const leader = cluster.leader()
          const to = random.pick(ids)
          if (leader !== undefined) cluster.transferLeadership(leader, to)
          cluster.propose(random.pick(ids), String(round))
          cluster.run(random.below(150))
          if (leader !== undefined && leader !== to && cluster.leader() === to) handedOver++
        }
        cluster.faults = { ...cluster.faults, loss: 0, crash: 0 }
        cluster.run(500)
        for (const id of ids) cluster.restart(id)
        cluster.run(1500)
        const leader = cluster.leader()!
        expect(cluster.propose(leader, 'last'), `proposals are taken again, seed ${number}`).toBe(true)
        cluster.run(300)
        for (const id of ids) expect(cluster.applied(id).at(-1), `applied last by ${id}, seed ${number}`).toBe('last')
      }
      expect(handedOver, 'transfers that took place in all runs').toBeGreaterThan(300)
    },
  )

  lesson(
    'without other faults, no command is lost over it',
    {
      scenario:
        'Leadership is handed to and fro in a calm network, while every member is brought commands, which it hands over once.',
      rule: 'A command that was taken is decided, though leaders change in between.',
      source: "Ongaro's thesis §3.10",
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const cluster = simulate({ members: 3, seed: number, features: FEATURES })
        cluster.runUntil(() => cluster.leader() !== undefined, 5000)
        cluster.run(300)
        const taken: string[] = []
        for (let round = 0; round < 40; round++) {
          const leader = cluster.leader()
          if (leader !== undefined) cluster.transferLeadership(leader, cluster.random.pick(cluster.ids))
          for (const id of cluster.ids) if (cluster.propose(id, `${round}${id}`)) taken.push(`${round}${id}`)
          cluster.run(20 + cluster.random.below(30))
        }
        cluster.run(500)
        const decided = new Set(cluster.applied(cluster.leader()!))
        const lost = taken.filter((command) => !decided.has(command))
        expect(lost, `commands taken and lost, seed ${number}`).toEqual([])
        expect(taken.length, `commands taken, seed ${number}`).toBeGreaterThan(60)
      }
    },
  )
})
