/**
 * Elections: the first part of MIT 6.5840's Raft lab, on virtual time.
 *
 * Source: MIT 6.5840 (2023 to 2025), lab 3A; Raft §5.2.
 */
import type { Scenario } from '../scenario.ts'
import { ELECTION_LIMIT_MS } from '../stage.ts'

/** Twice the longest election timeout. */
const QUIET_MS = 400

export const electionScenarios: readonly Scenario[] = [
  {
    step: '1.1',
    name: 'initial-election',
    title: 'a new cluster elects one leader, and keeps it',
    scenario: 'Three members start. Then nothing fails for a while.',
    rule: 'One leader per term, and as long as it is heard, no new term.',
    source: 'MIT 6.5840, 3A "initial election"; Raft §5.2',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      const { cluster, ids } = stage
      const leader = stage.leader()
      stage.waitFor(() => new Set(ids.map((id) => cluster.status(id)!.term)).size === 1, 100)
      const terms = ids.map((id) => cluster.status(id)!.term)
      stage.check(Math.min(...terms) >= 1, `terms begin at 1, but are ${terms.join(', ')}`)
      stage.check(
        new Set(terms).size === 1,
        `all members are in the leader's term, but they are in ${terms.join(', ')}`,
      )
      cluster.run(2 * QUIET_MS)
      stage.same(stage.leader(), leader, 'the leader after a while without failures')
      stage.same(
        ids.map((id) => cluster.status(id)!.term),
        terms,
        'the terms after a while without failures',
      )
    },
  },
  {
    step: '1.1',
    name: 're-election',
    title: 'a lost leader is replaced, and does no harm when it comes back',
    scenario:
      'The leader is cut off; another is elected; the old one returns. Then the leader and one more are cut off, so that no majority is left, and come back one by one.',
    rule: 'A majority elects a leader; less than a majority never does.',
    source: 'MIT 6.5840, 3A "election after network failure"; Raft §5.2',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      const first = stage.leader()
      stage.disconnect(first)
      const second = stage.leader()
      stage.check(second !== first, `${first} is cut off and cannot be the leader of the others`)
      stage.reconnect(first)
      stage.cluster.run(QUIET_MS)
      stage.same(stage.leader(), second, 'the leader, after the old one has come back')
      const third = stage.others(second)[0]!
      stage.disconnect(second, third)
      stage.noLeaderFor(2 * QUIET_MS)
      stage.reconnect(third)
      stage.leader()
      stage.reconnect(second)
      stage.leader()
    },
  },
  {
    step: '1.1',
    name: 'many-elections',
    title: 'four of seven always find a leader',
    scenario: 'Ten times, three members of seven are cut off, often the leader among them, and come back.',
    rule: 'Randomised timeouts make split votes rare: an election takes a few timeouts at most.',
    source: 'MIT 6.5840, 3A "multiple elections"; Raft §5.2',
    seeds: 2,
    stage: { members: 7 },
    play(stage) {
      const { random } = stage.cluster
      for (let round = 0; round < 10; round++) {
        stage.leader()
        const away = new Set<string>()
        while (away.size < 3) away.add(random.pick(stage.ids))
        stage.disconnect(...away)
        stage.leader()
        stage.reconnect(...away)
        stage.check(
          stage.waitFor(() => isSettled(stage), ELECTION_LIMIT_MS),
          'seven members do not agree on a leader',
        )
      }
    },
  },
]

/** Whether all present members follow the same leader in the same term. */
function isSettled({ present, cluster }: Parameters<Scenario['play']>[0]): boolean {
  const views = new Set(present.map((id) => `${cluster.status(id)!.leader} ${cluster.status(id)!.term}`))
  return views.size === 1 && cluster.leader() !== undefined
}
