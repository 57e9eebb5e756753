/**
 * Crashes and bad networks: the third part of MIT 6.5840's Raft lab, on virtual time.
 *
 * Source: MIT 6.5840 (2023 to 2025), lab 3C; Raft §5.4.2, §5.5, figure 2.
 */
import type { MemberId } from '../../../raft/messages.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

/** A tenth is lost on the way there and on the way back, and nothing comes in order. */
export const UNRELIABLE = { loss: 0.1, maxDelayMs: 27 }

export const persistenceScenarios: readonly Scenario[] = [
  {
    step: '1.4',
    name: 'basic-persistence',
    title: 'members that crash and come back lose nothing',
    scenario: 'All of three members crash and come back; then the leader; then a follower.',
    rule: 'Term, vote and log are on disk before anyone hears of them.',
    source: 'MIT 6.5840, 3C "basic persistence"; Raft figure 2, "Persistent state"',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      stage.agree('11')
      stage.crash(...stage.ids)
      stage.restart(...stage.ids)
      stage.agree('12')
      const leader = stage.leader()
      stage.crash(leader)
      stage.restart(leader)
      stage.agree('13')
      const lost = stage.leader()
      stage.crash(lost)
      stage.agree('14', 2)
      stage.restart(lost)
      stage.agree('15')
      const follower = stage.others(stage.leader())[0]!
      stage.crash(follower)
      stage.agree('16', 2)
      stage.restart(follower)
      stage.agree('17')
      const all = ['11', '12', '13', '14', '15', '16', '17']
      for (const id of stage.ids) stage.same(stage.cluster.applied(id), all, `what ${id} applied`)
    },
  },
  {
    step: '1.4',
    name: 'more-persistence',
    title: 'two groups of three share one member, and with it everything decided',
    scenario:
      'Five rounds: two of five are away while three decide; the three crash; one of them comes back to the two.',
    rule: 'Any two majorities share a member, and what it knows survives its crash.',
    source: 'MIT 6.5840, 3C "more persistence"; Raft §5.4',
    seeds: 2,
    stage: { members: 5 },
    play(stage) {
      for (let round = 0; round < 5; round++) {
        stage.agree(`${round} all`)
        const leader = stage.leader()
        const [one, other, ...two] = stage.others(leader) as [MemberId, MemberId, ...MemberId[]]
        stage.disconnect(...two)
        stage.agree(`${round} three`, 3)
        stage.crash(leader, one, other)
        stage.reconnect(...two)
        stage.restart(one)
        stage.agree(`${round} others`, 3)
        stage.restart(leader, other)
      }
      stage.agree('end')
      stage.allEqual()
    },
  },
  {
    step: '1.4',
    name: 'leader-and-follower-crash',
    title: 'a partitioned leader that crashes comes back as a good follower',
    scenario:
      'Of three members one is away; the other two decide, both crash, and the leader alone comes back to the one who was away.',
    rule: 'Who has the decided entry on disk wins the election.',
    source: 'MIT 6.5840, 3C "partitioned leader and one follower crash, leader restarts"; Raft §5.4.1',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      stage.agree('101')
      const leader = stage.leader()
      const [away, companion] = stage.others(leader) as [MemberId, MemberId]
      stage.disconnect(away)
      stage.agree('102', 2)
      stage.crash(leader, companion)
      stage.reconnect(away)
      stage.restart(leader)
      stage.agree('103', 2)
      stage.restart(companion)
      stage.agree('104')
      for (const id of stage.ids)
        stage.same(stage.cluster.applied(id), ['101', '102', '103', '104'], `what ${id} applied`)
    },
  },
  {
    step: '1.4',
    name: 'figure-8',
    title: 'leaders that crash early leave nothing that is decided twice',
    scenario:
      'Leaders of five crash again and again, mostly before what they were given is decided, so that logs come to look like figure 8 of the paper.',
    rule: 'An entry of an older term is decided only together with one of the leader’s own term.',
    source: 'MIT 6.5840, 3C "Figure 8"; Raft §5.4.2',
    seeds: 2,
    stage: { members: 5 },
    play(stage) {
      const { cluster } = stage
      stage.agree('begin', 1)
      for (let round = 0; round < 200; round++) {
        const leaders = stage.ids.filter(
          (id) => cluster.propose(id, `${round}`) && cluster.status(id)?.role === 'leader',
        )
        cluster.run(cluster.random.chance(0.1) ? cluster.random.below(100) : cluster.random.below(13))
        stage.crash(...leaders)
        if (stage.present.length < 3) stage.restart(cluster.random.pick(stage.ids.filter((id) => !cluster.isUp(id))))
      }
      stage.restart(...stage.ids)
      stage.agree('end')
      stage.allEqual()
    },
  },
  {
    step: '1.4',
    name: 'unreliable-agreement',
    title: 'everything is decided although a tenth of all messages is lost',
    scenario: 'Five members on a bad network; forty rounds of four commands at once and one more.',
    rule: 'What gets lost is sent again; what comes twice or late does no harm.',
    source: 'MIT 6.5840, 3C "unreliable agreement"; Raft §5.3',
    seeds: 1,
    stage: { members: 5, faults: UNRELIABLE },
    play(stage) {
      for (let round = 1; round < 40; round++) {
        for (let number = 0; number < 4; number++) stage.cluster.propose(stage.leader(), `${round}.${number}`)
        stage.agree(`${round}`, 1)
      }
      stage.calm()
      stage.agree('end')
      stage.allEqual()
    },
  },
  {
    step: '1.4',
    name: 'figure-8-unreliable',
    title: 'leaders that are cut off early, on a network that holds messages back',
    scenario:
      'As figure 8, but leaders are cut off instead of crashing, messages get lost, and later on many come up to two seconds late, from leaders long deposed.',
    rule: 'A message from an older term changes nothing, whenever it comes.',
    source: 'MIT 6.5840, 3C "Figure 8 (unreliable)"; Raft §5.1, §5.4.2',
    seeds: 1,
    stage: { members: 5, faults: UNRELIABLE },
    play(stage) {
      const { cluster } = stage
      stage.agree('begin', 1)
      for (let round = 0; round < 200; round++) {
        if (round === 60) cluster.faults = { ...UNRELIABLE, straggling: 0.4 }
        const leaders = stage.ids.filter(
          (id) => cluster.propose(id, `${round}`) && cluster.status(id)?.role === 'leader',
        )
        cluster.run(cluster.random.chance(0.1) ? cluster.random.below(100) : cluster.random.below(13))
        for (const id of leaders) if (cluster.random.chance(0.5)) stage.disconnect(id)
        if (stage.present.length < 3) stage.reconnect(cluster.random.pick(stage.ids.filter((id) => stage.isAway(id))))
      }
      stage.calm()
      stage.agree('end')
      stage.allEqual()
    },
  },
  {
    step: '1.4',
    name: 'churn',
    title: 'what a client was told is decided stays, while members come and go',
    scenario:
      'Three clients give commands to five members, of which any may be cut off, crash and come back at any moment.',
    rule: 'What was acknowledged is never lost.',
    source: 'MIT 6.5840, 3C "churn"; Raft §5.4',
    seeds: 1,
    stage: { members: 5 },
    play: churn,
  },
  {
    step: '1.4',
    name: 'unreliable-churn',
    title: 'the same on a network that loses a tenth of all messages',
    scenario:
      'Three clients give commands to five members, of which any may be cut off, crash and come back; messages get lost and late.',
    rule: 'What was acknowledged is never lost.',
    source: 'MIT 6.5840, 3C "unreliable churn"; Raft §5.4',
    seeds: 1,
    stage: { members: 5, faults: UNRELIABLE },
    play: churn,
  },
]

function churn(stage: Stage): void {
  const { cluster } = stage
  const { random } = cluster
  const acknowledged: string[] = []
  for (let round = 0; round < 20; round++) {
    if (random.chance(0.2)) stage.disconnect(random.pick(stage.ids))
    if (random.chance(0.5)) {
      const id = random.pick(stage.ids)
      cluster.restart(id)
      stage.reconnect(id)
    }
    if (random.chance(0.2)) stage.crash(random.pick(stage.ids))
    const asked = [0, 1, 2].flatMap((client) =>
      stage.ids.flatMap((id) => {
        const command = `${round} of ${client} to ${id}`
        return cluster.propose(id, command) ? [{ id, command }] : []
      }),
    )
    cluster.run(140)
    // A member tells its client when it has applied the command itself.
    for (const { id, command } of asked) if (cluster.applied(id).includes(command)) acknowledged.push(command)
  }
  stage.calm()
  stage.agree('end')
  stage.allEqual()
  const held = new Set(cluster.applied(stage.ids[0]!))
  const lost = acknowledged.filter((command) => !held.has(command))
  stage.same(lost, [], 'commands that were acknowledged, and then lost')
}
