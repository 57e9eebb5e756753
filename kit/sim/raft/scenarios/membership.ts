/**
 * Members come and go while everything else goes wrong too.
 *
 * Source: Ongaro's thesis §4.
 */
import type { MemberId, MembershipChange } from '../../../raft/messages.ts'
import type { Scenario } from '../scenario.ts'
import type { RaftSimulator } from '../simulator.ts'
import type { Stage } from '../stage.ts'

const MOST_MEMBERS = 6
const ROUNDS = 40

export const membershipScenarios: readonly Scenario[] = [
  {
    step: '1.13',
    name: 'grow-under-load',
    title: 'a cluster of one grows to five and shrinks again, and loses nothing',
    scenario:
      'One member takes commands all the time. Four more join, each as a learner first, and are promoted; then the leader is removed, twice, and two more members.',
    rule: 'Changes of members lose no command, and a cluster is as large as its last change says.',
    source: "Ongaro's thesis §4.1, §4.2",
    seeds: 2,
    stage: { members: 1, compaction: { everyEntries: 20, keepEntries: 5 } },
    play: growAndShrink,
  },
  {
    step: '1.13',
    name: 'two-changes-at-once',
    title: 'two changes at once cannot part the cluster in two',
    scenario:
      'The leader of three is asked for two more voters in one breath. As soon as it has decided, the network parts it and the new members from its two followers, before those hear of it. Both sides elect.',
    rule: 'One change at a time: then any majority of before shares a member with any majority of after.',
    source: "Ongaro's thesis §4.1, figure 4.2",
    seeds: 12,
    stage: { members: 3, faults: { maxDelayMs: 1 } },
    play: partWithNewcomers,
  },
  {
    step: '1.13',
    name: 'churn',
    title: 'members come and go under crashes, loss and partitions, and no promise is broken',
    scenario:
      'Messages get lost, late, doubled and out of order; members crash; the network is cut. All the while members are added, as learners or voters, promoted and removed, whoever leads.',
    rule: 'Raft’s safety properties hold after every event; once the faults end, all members that are left apply the same commands.',
    source: "Raft figure 3; Ongaro's thesis §4",
    seeds: 20,
    stage: {
      members: 3,
      compaction: { everyEntries: 25, keepEntries: 5 },
      faults: { loss: 0.08, duplication: 0.08, maxDelayMs: 40, crash: 0.003, maxSyncMs: 20 },
    },
    play: churn,
  },
]

function growAndShrink(stage: Stage): void {
  const { cluster } = stage
  let count = 0
  const agree = () => stage.agree(`command ${++count}`, cluster.judge.voters.length)
  for (let size = 2; size <= 5; size++) {
    agree()
    const newcomer = cluster.join()
    change(stage, { kind: 'AddLearner', member: newcomer })
    for (let more = 0; more < 10; more++) agree()
    change(stage, { kind: 'AddVoter', member: newcomer })
  }
  for (const removed of [
    () => stage.leader(),
    () => stage.leader(),
    () => followerOf(stage),
    () => followerOf(stage),
  ]) {
    const id = removed()
    change(stage, { kind: 'Remove', member: id })
    agree()
    // Whoever is removed is switched off, sooner or later; until then it must do no harm.
    cluster.run(500)
    stage.check(cluster.status(id)?.role !== 'leader', `${id} leads although it was removed`)
    stage.crash(id)
  }
  agree()
  const [last] = cluster.judge.voters
  const wanted = Array.from({ length: count }, (_, place) => `command ${place + 1}`)
  stage.same([...new Set(cluster.applied(last!))], wanted, `what ${last}, the only member left, has applied`)
}

/** Asks whoever leads until the change is decided. */
function change(stage: Stage, wanted: MembershipChange): void {
  const { cluster } = stage
  const isDone = () => {
    const { voters, learners } = cluster.judge
    if (wanted.kind === 'AddLearner') return learners.includes(wanted.member)
    return voters.includes(wanted.member) === (wanted.kind === 'AddVoter') && !learners.includes(wanted.member)
  }
  const ask = () => {
    if (isDone()) return true
    const leader = cluster.leader()
    if (leader) cluster.proposeChange(leader, wanted)
    return false
  }
  stage.check(stage.waitFor(ask, 5000), `${wanted.kind} ${wanted.member} was not decided within 5 s of virtual time`)
}

function followerOf(stage: Stage): MemberId {
  const leader = stage.leader()
  return stage.cluster.judge.voters.find((id) => id !== leader)!
}

function partWithNewcomers(stage: Stage): void {
  const { cluster } = stage
  const leader = stage.leader()
  const others = stage.others(leader)
  stage.agree('before')
  const newcomers = [cluster.join(), cluster.join()]
  for (const member of newcomers) cluster.proposeChange(leader, { kind: 'AddVoter', member })
  const decided = () => cluster.status(leader)!.commitIndex === cluster.status(leader)!.lastIndex
  stage.check(cluster.runUntil(decided, 1000), 'what the leader was asked for was not decided')
  // Its followers have what was decided in their logs, but not the message that it is decided: they still count three voters.
  cluster.partition([leader, ...newcomers], others)
  stage.crash(...others)
  cluster.run(100)
  stage.crash(leader)
  cluster.run(50)
  stage.restart(leader)
  cluster.run(500)
  stage.restart(...others)
  cluster.run(500)
  for (let round = 0; round < 10; round++) {
    for (const id of cluster.ids) cluster.propose(id, `${round}${id}`)
    cluster.run(100)
  }
  stage.calm()
  stage.agree('after', cluster.judge.voters.length)
}

function churn(stage: Stage): void {
  const { cluster } = stage
  const { random } = cluster
  /** Started, and not a member yet. */
  const spares: MemberId[] = []
  for (let round = 0; round < ROUNDS; round++) {
    for (const id of cluster.ids) if (random.chance(0.3)) cluster.propose(id, `${round}${id}`)
    cluster.read(random.pick(cluster.ids), `read ${round}`)
    const leader = cluster.leader()
    if (leader && random.chance(0.6)) changeSomething(cluster, leader, spares)
    if (random.chance(0.15)) {
      const cut = 1 + random.below(cluster.ids.length - 1)
      cluster.partition(cluster.ids.slice(0, cut), cluster.ids.slice(cut))
    }
    if (random.chance(0.4)) cluster.heal()
    if (random.chance(0.1)) cluster.crash(random.pick(cluster.ids))
    if (random.chance(0.3)) for (const id of cluster.ids) cluster.restart(id)
    cluster.run(random.below(300))
  }
  stage.calm()
  switchOffStrangers(stage)
  stage.agree('last', Math.ceil(cluster.judge.voters.length / 2))
  // A change that was on its way may be decided only now.
  switchOffStrangers(stage)
  const members = membersOf(cluster)
  stage.waitFor(() => members.every((id) => cluster.applied(id).includes('last')), 5000)
  // Commands that a follower had passed on may still arrive.
  cluster.run(1000)
  for (const id of members) {
    stage.same(cluster.applied(id), cluster.applied(members[0]!), `what ${id} of ${members} applied`)
  }
}

/** Whoever is removed, or not a member yet, is down; all members are up. */
function switchOffStrangers({ cluster }: Stage): void {
  const members = membersOf(cluster)
  for (const id of cluster.ids) {
    if (members.includes(id)) cluster.restart(id)
    else cluster.crash(id)
  }
}

function membersOf({ judge }: RaftSimulator): MemberId[] {
  return [...judge.voters, ...judge.learners]
}

/** Whether it may be is the leader's to decide. */
function changeSomething(cluster: RaftSimulator, leader: MemberId, spares: MemberId[]): void {
  const { random } = cluster
  const { voters, learners } = cluster.judge
  const all = membersOf(cluster)
  if (learners.length > 0 && random.chance(0.5)) {
    cluster.proposeChange(leader, { kind: 'AddVoter', member: random.pick(learners) })
  } else if (all.length < MOST_MEMBERS && random.chance(0.5)) {
    const member = spares.pop() ?? cluster.join()
    const kind = random.chance(0.6) ? 'AddLearner' : 'AddVoter'
    if (!cluster.proposeChange(leader, { kind, member })) spares.push(member)
  } else if (voters.length > 2) {
    cluster.proposeChange(leader, { kind: 'Remove', member: random.pick(all) })
  }
}
