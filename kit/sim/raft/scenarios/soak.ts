/**
 * Everything at once: what a seed says of size, faults, features and workload, for a few seconds of virtual time; then all faults end, and the
 * cluster must come to rest with everybody in the same state.
 *
 * The other scenarios tell a story each. This one tells none, and so finds what nobody thought of; thousands of seeds of it are soaked by
 * `npm run soak -- etcd`.
 */
import type { MemberId, MembershipChange } from '../../../raft/messages.ts'
import { createRandom, type Random } from '../../random.ts'
import { drawCommand, EtcdMachine } from '../etcd-machine.ts'
import type { Scenario } from '../scenario.ts'
import type { RaftSimulator } from '../simulator.ts'
import type { Stage, StageOptions } from '../stage.ts'

const ROUNDS = 40
/** After the last fault, everybody must have everything within this. */
const REST_MS = 10_000
const MOST_MEMBERS = 9

export const soakScenario: Scenario = {
  step: 'soak',
  name: 'etcd',
  title: 'a cluster keeps every promise, whatever happens to it, and comes to rest when it is left in peace',
  scenario:
    'Three to seven members with any features, slow disks and clocks; messages lost, late, doubled; partitions, one-way cuts, crashes, snapshots; members added and removed, leadership handed over.',
  rule: 'Raft’s safety properties hold after every event; once the faults end, everybody has the same state.',
  source: 'Raft figure 3, §5 to §8; Ongaro’s thesis §3.10, §4, §6.4',
  seeds: 200,
  stage: (seed) => drawPlan(seed).stage,
  replay: (seed) => `npm run soak -- etcd --from ${seed} --seeds 1`,
  play(stage) {
    const plan = drawPlan(stage.seed)
    const clients = new Clients(stage, plan)
    for (let round = 0; round < ROUNDS; round++) {
      clients.act(round)
      actAsFate(stage.cluster)
      if (plan.restless) topple(stage.cluster, clients.nextCommand())
      if (plan.slowClocks) disturbClocks(stage.cluster)
      if (plan.transfers) transfer(stage.cluster)
      if (plan.changesMembers) clients.changeMembers()
      stage.cluster.run(stage.cluster.random.below(plan.restless ? 120 : 300))
    }
    comeToRest(stage, clients)
  },
}

interface Plan {
  readonly stage: StageOptions
  /** Whether commands are requests of etcd's clients. */
  readonly keyValue: boolean
  readonly slowClocks: boolean
  /** No leader stays for long. */
  readonly restless: boolean
  readonly transfers: boolean
  readonly changesMembers: boolean
}

/** What kind of run a seed stands for. */
export function drawPlan(seed: number): Plan {
  const random = createRandom(seed ^ 0x50a4)
  const rarely = (most: number) => (random.chance(0.5) ? random.next() * most : 0)
  const slowClocks = random.chance(0.3)
  const preVote = random.chance(0.5)
  const checkQuorum = random.chance(0.5)
  const keyValue = random.chance(0.25)
  return {
    stage: {
      members: random.pick([3, 3, 5, 5, 7]),
      faults: {
        loss: rarely(0.2),
        duplication: rarely(0.2),
        maxDelayMs: random.pick([5, 20, 60]),
        straggling: rarely(0.05),
        crash: rarely(0.01),
        maxSyncMs: random.pick([0, 0, 5, 20]),
      },
      // Reads by the clock are right only where clocks are: see lab 1.11.
      features: { preVote, checkQuorum, leaseReads: checkQuorum && !slowClocks && random.chance(0.4) },
      // With little patience, members often stand for election together.
      ...(random.chance(0.3) && { timing: { heartbeatTicks: 1, electionTicks: 4 } }),
      ...(random.chance(0.5) && { messageBytes: 1 + random.below(20) }),
      ...(random.chance(0.7) && {
        compaction: { everyEntries: 3 + random.below(20), keepEntries: random.below(8) },
      }),
      ...(keyValue && { machine: () => new EtcdMachine() }),
    },
    keyValue,
    slowClocks,
    restless: random.chance(0.4),
    transfers: random.chance(0.4),
    changesMembers: random.chance(0.5),
  }
}

/** Those who use the cluster, and its operator. */
class Clients {
  readonly #stage: Stage
  readonly #plan: Plan
  #asked = 0
  /** Started, and not yet told of to the others. */
  #spare: MemberId | undefined

  constructor(stage: Stage, plan: Plan) {
    this.#stage = stage
    this.#plan = plan
  }

  act(round: number): void {
    const { cluster } = this.#stage
    const { random } = cluster
    const commands = random.below(4)
    for (let number = 0; number < commands; number++) cluster.propose(random.pick(this.members()), this.nextCommand())
    if (random.chance(0.5)) cluster.read(random.pick(this.members()), `read ${round}`)
    // Whoever believes to lead might be wrong.
    for (const id of this.members()) {
      if (cluster.status(id)?.role === 'leader') cluster.read(id, `read ${round} of leader ${id}`)
    }
  }

  nextCommand(): string {
    this.#asked += 1
    return this.#plan.keyValue ? drawCommand(this.#stage.cluster.random, `${this.#asked}`) : `x${this.#asked}`
  }

  members(): readonly MemberId[] {
    const { voters, learners } = this.#stage.cluster.judge
    return [...voters, ...learners]
  }

  /** Asks the leader for one change, if there is a leader; who has left is switched off some time later. */
  changeMembers(): void {
    const { cluster } = this.#stage
    const { random } = cluster
    for (const id of this.#left()) if (random.chance(0.3)) cluster.retire(id)
    const leader = cluster.leader()
    if (leader === undefined || !random.chance(0.3)) return
    const change = this.#drawChange(random)
    if (!change) return
    const taken = cluster.proposeChange(leader, change)
    if (taken && change.member === this.#spare) this.#spare = undefined
  }

  #drawChange(random: Random): MembershipChange | undefined {
    const { voters, learners } = this.#stage.cluster.judge
    const choice = random.below(3)
    if (choice === 0 && voters.length > 2) return { kind: 'Remove', member: random.pick([...voters, ...learners]) }
    if (choice === 1 && learners.length > 0) return { kind: 'AddVoter', member: random.pick(learners) }
    if (this.#spare === undefined && this.#stage.ids.length >= MOST_MEMBERS) return undefined
    this.#spare ??= this.#stage.cluster.join()
    return { kind: random.chance(0.7) ? 'AddLearner' : 'AddVoter', member: this.#spare }
  }

  /** Who was a member, and is none any more. */
  #left(): MemberId[] {
    const { cluster } = this.#stage
    const members = this.members()
    const removed = cluster.judge.committed.flatMap(({ change }) => (change?.kind === 'Remove' ? [change.member] : []))
    return removed.filter((id) => !members.includes(id) && !cluster.isRetired(id))
  }

  retireAllWhoLeft(): void {
    for (const id of this.#left()) this.#stage.cluster.retire(id)
  }
}

function actAsFate(cluster: RaftSimulator): void {
  const { random, ids } = cluster
  if (random.chance(0.15)) {
    const cut = 1 + random.below(ids.length - 1)
    // Sometimes one member hears both sides.
    const bridge = random.chance(0.3) ? 1 : 0
    cluster.partition(ids.slice(0, cut), ids.slice(Math.max(0, cut - bridge)))
  }
  if (random.chance(0.15)) cluster.cut(random.pick(ids), random.pick(ids))
  if (random.chance(0.3)) cluster.heal()
  if (random.chance(0.1)) cluster.crash(random.pick(ids))
  if (random.chance(0.3)) for (const id of ids) cluster.restart(id)
}

/** Leaders go soon after they have come, often with entries that few others have; others come back in their place: figure 8 of the paper. */
function topple(cluster: RaftSimulator, command: string): void {
  const { random, ids } = cluster
  const leader = cluster.leader()
  if (leader === undefined) return
  cluster.propose(leader, command)
  if (random.chance(0.4)) for (const id of ids) if (random.chance(0.5)) cluster.cut(leader, id)
  cluster.run(random.below(25))
  if (random.chance(0.7)) cluster.crash(leader)
  cluster.restart(random.pick(ids))
  // Who has just voted crashes, and is back before the votes are counted.
  for (let times = random.below(4); times > 0; times--) {
    cluster.run(random.below(80))
    const id = random.pick(ids)
    cluster.crash(id)
    cluster.restart(id)
  }
}

function disturbClocks(cluster: RaftSimulator): void {
  const { random, ids } = cluster
  if (random.chance(0.1)) cluster.setClockSpeed(random.pick(ids), random.pick([0.4, 0.8, 1, 1.25, 2.5]))
}

function transfer(cluster: RaftSimulator): void {
  const { random, ids } = cluster
  const leader = cluster.leader()
  if (leader !== undefined && random.chance(0.15)) cluster.transferLeadership(leader, random.pick(ids))
}

/** All faults end: everybody must come to have everything, and serve reads. */
function comeToRest(stage: Stage, clients: Clients): void {
  const { cluster } = stage
  for (const id of stage.ids) cluster.setClockSpeed(id, 1)
  stage.calm()
  const untilMs = cluster.nowMs + REST_MS
  let round = 0
  while (!isAtRest(stage, clients, round)) {
    clients.retireAllWhoLeft()
    const behind = clients.members().map((id) => `${id} at ${cluster.appliedIndex(id)}`)
    const waited = `${REST_MS} ms of virtual time after the last fault`
    stage.check(
      cluster.nowMs < untilMs,
      `the cluster is not at rest ${waited}: ${behind.join(', ')}; leader ${cluster.leader()}`,
    )
    const leader = cluster.leader()
    if (leader !== undefined) cluster.propose(leader, clients.nextCommand())
    round += 1
    for (const id of clients.members()) cluster.read(id, `last read ${round} of ${id}`)
    cluster.run(500)
  }
}

/** Whether everybody has applied everything, and was able to read in the last round. */
function isAtRest({ cluster }: Stage, clients: Clients, round: number): boolean {
  const decided = cluster.judge.committed.length
  return clients.members().every((id) => {
    const served = cluster.reads(id).some(({ context }) => context === `last read ${round} of ${id}`)
    return served && cluster.appliedIndex(id) === decided
  })
}
