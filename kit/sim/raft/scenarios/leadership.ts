/**
 * Who may speak for the cluster: reads of leaders who may have been deposed, members who come back and must not disturb, leadership handed over.
 *
 * Source: Raft §8; Ongaro's thesis §3.10, §4.2.3, §6.2, §6.4, §9.6.
 */
import type { MemberId } from '../../../raft/messages.ts'
import type { Scenario } from '../scenario.ts'

const PLENTY_MS = 500

export const leadershipScenarios: readonly Scenario[] = [
  {
    step: '1.9',
    name: 'deposed-leader-reads',
    title: 'a deposed leader that does not know it serves no read',
    scenario:
      'The leader is cut off; the others elect a new one and decide a command. The old leader, which still believes it leads, is asked to read; then it comes back.',
    rule: 'A read must see what was acknowledged before it began.',
    source: 'Raft §8, "read-only operations"',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      const { cluster } = stage
      stage.agree('before')
      const old = stage.leader()
      stage.disconnect(old)
      stage.agree('behind its back', 2)
      stage.same(cluster.status(old)!.role, 'leader', `what ${old} believes to be, since it has heard nothing`)
      cluster.read(old, 'too late')
      cluster.run(PLENTY_MS)
      stage.same(cluster.reads(old), [], `the reads that ${old} served`)
      const leader = stage.leader()
      cluster.read(leader, 'fresh')
      cluster.run(PLENTY_MS)
      stage.same(
        cluster.reads(leader).map(({ context }) => context),
        ['fresh'],
        `the reads that ${leader} served`,
      )
      stage.reconnect(old)
      stage.agree('after')
    },
  },
  {
    step: '1.9',
    name: 'followers-read',
    title: 'followers serve reads that see everything decided',
    scenario:
      'Commands are decided, and after each one every member is asked to read, on a network that loses some messages.',
    rule: 'A read that begins after a write was acknowledged sees it, whichever member is asked.',
    source: "Ongaro's thesis §6.4",
    seeds: 3,
    stage: { members: 3, faults: { loss: 0.05, maxDelayMs: 20 } },
    play(stage) {
      const { cluster } = stage
      for (let round = 0; round < 20; round++) {
        stage.agree(`${round}`, 1)
        for (const id of stage.ids) cluster.read(id, `after ${round} by ${id}`)
        cluster.run(100)
      }
      const served = stage.ids.map((id) => cluster.reads(id).length)
      stage.check(Math.min(...served) >= 10, `of 20 reads each, members served ${served.join(', ')}`)
    },
  },
  {
    step: '1.11',
    name: 'returning-member',
    title: 'a member that was cut off comes back without deposing anybody',
    scenario:
      'A follower is cut off for many election timeouts, and comes back. It has been asking in vain for votes all the time.',
    rule: 'Who could not win an election does not raise the term.',
    source: "Ongaro's thesis §9.6",
    seeds: 5,
    stage: { members: 3, features: { preVote: true, checkQuorum: true } },
    play(stage) {
      const { cluster } = stage
      stage.agree('before')
      const leader = stage.leader()
      const { term } = cluster.status(leader)!
      const away = stage.others(leader)[0]!
      stage.disconnect(away)
      cluster.run(5 * PLENTY_MS)
      stage.agree('meanwhile', 2)
      stage.reconnect(away)
      stage.agree('after')
      const { role, term: now } = cluster.status(leader)!
      stage.same([role, now], ['leader', term], `role and term of ${leader}, after ${away} has come back`)
    },
  },
  {
    step: '1.11',
    name: 'leader-that-hears-nobody',
    title: 'a leader that hears from no majority steps down',
    scenario: 'Everyone hears the leader, but it hears nobody: the ways to it are cut, one direction only.',
    rule: 'A leader without an answer from a majority within an election timeout is none, so that another can be.',
    source: "Ongaro's thesis §6.2",
    seeds: 5,
    stage: { members: 3, features: { preVote: true, checkQuorum: true } },
    play(stage) {
      const { cluster } = stage
      stage.agree('before')
      const old = stage.leader()
      for (const id of stage.others(old)) cluster.cut(id, old)
      const replaced = stage.waitFor(() => stage.others(old).some((id) => cluster.status(id)!.role === 'leader'), 3000)
      stage.check(replaced, `${old} hears nobody, and within 3000 ms of virtual time nobody has taken its place`)
      stage.check(cluster.status(old)!.role !== 'leader', `${old} hears nobody, and still believes to lead`)
      cluster.heal()
      stage.agree('after')
    },
  },
  {
    step: '1.12',
    name: 'hand-over',
    title: 'leadership goes where it is sent, at once, and no command is lost',
    scenario: 'The leader of five hands its office to each of the others in turn, while commands keep coming.',
    rule: 'A transfer takes one round trip and an election that nobody contests.',
    source: "Ongaro's thesis §3.10",
    seeds: 3,
    stage: { members: 5, features: { preVote: true, checkQuorum: true } },
    play(stage) {
      const { cluster } = stage
      stage.agree('begin')
      const first = stage.leader()
      for (const next of stage.others(first) as MemberId[]) {
        const leader = stage.leader()
        stage.agree(`before ${next}`)
        cluster.transferLeadership(leader, next)
        const done = stage.waitFor(() => cluster.leader() === next, 100)
        stage.check(done, `${next} did not lead within 100 ms of virtual time after ${leader} handed over`)
        stage.agree(`under ${next}`)
      }
      stage.allEqual()
    },
  },
]
