/**
 * What can happen to a cluster, and what to wait for until it has been felt.
 *
 * A fault lasts until something is seen, never for a fixed time: until others have a new leader and have answered clients, or, where nobody
 * can be answered, until enough clients have tried in vain.
 */
import type { Random } from '../sim/random.ts'
import type { PeerNetwork } from './peer-network.ts'

/** What a fault may do. */
export interface Stage {
  readonly names: readonly string[]
  readonly random: Random
  readonly network: PeerNetwork
  /** As `kill -9`. */
  kill(name: string): Promise<void>
  start(name: string): void
  /** SIGSTOP, until `wake`. */
  pause(name: string): void
  wake(name: string): void
  /** The member that takes itself for the leader, with the highest term. */
  leader(): Promise<string>
  /** Somebody outside of `except` leads. */
  newLeader(except: readonly string[]): Promise<void>
  /** Clients are answered again so many times. */
  answered(times: number): Promise<void>
  /** So many operations have ended, well or not. */
  tried(times: number): Promise<void>
}

export interface Fault {
  readonly name: string
  /** Does it, waits until it has been felt, and puts an end to it. */
  run(stage: Stage): Promise<void>
}

/** Enough to make a difference, few enough to make many. */
const FELT = 40
const IN_VAIN = 12

export const faults: Record<string, Fault> = {
  killLeader: {
    name: 'the leader is killed',
    async run(stage) {
      const leader = await stage.leader()
      await stage.kill(leader)
      await stage.newLeader([leader])
      await stage.answered(FELT)
      stage.start(leader)
    },
  },
  killFollower: {
    name: 'a follower is killed',
    async run(stage) {
      const [follower] = await followers(stage)
      await stage.kill(follower!)
      await stage.answered(FELT)
      stage.start(follower!)
    },
  },
  killAll: {
    name: 'all members are killed',
    async run(stage) {
      await Promise.all(stage.names.map(stage.kill))
      for (const name of stage.names) stage.start(name)
    },
  },
  killMajority: {
    name: 'a majority is killed, the leader among them',
    async run(stage) {
      const victims = [await stage.leader(), ...(await followers(stage))].slice(0, majority(stage))
      for (const name of victims) await stage.kill(name)
      await stage.tried(IN_VAIN)
      for (const name of victims) stage.start(name)
    },
  },
  pauseLeader: {
    name: 'the leader is paused',
    async run(stage) {
      const leader = await stage.leader()
      stage.pause(leader)
      await stage.newLeader([leader])
      await stage.answered(FELT)
      stage.wake(leader)
    },
  },
  sleepyLeader: {
    name: 'the leader is paused, deposed, and wakes up where nobody tells it',
    async run(stage) {
      const leader = await stage.leader()
      stage.pause(leader)
      separate(stage, [leader])
      await stage.newLeader([leader])
      await stage.answered(FELT)
      stage.wake(leader)
      await stage.tried(FELT)
    },
  },
  pauseFollower: {
    name: 'a follower is paused',
    async run(stage) {
      const [follower] = await followers(stage)
      stage.pause(follower!)
      await stage.answered(FELT)
      stage.wake(follower!)
    },
  },
  isolateLeader: {
    name: 'the leader is cut off from the others, not from clients',
    async run(stage) {
      const leader = await stage.leader()
      separate(stage, [leader])
      await stage.newLeader([leader])
      await stage.answered(FELT)
    },
  },
  minorityWithLeader: {
    name: 'the leader is cut off with as many others as make no majority',
    async run(stage) {
      const group = [await stage.leader(), ...(await followers(stage))].slice(0, stage.names.length - majority(stage))
      separate(stage, group)
      await stage.newLeader(group)
      await stage.answered(FELT)
      // Messages that were under way are lost this time.
      for (const one of group) for (const other of stage.names) stage.network.tear(one, other)
    },
  },
  isolateFollower: {
    name: 'a follower is cut off',
    async run(stage) {
      const [follower] = await followers(stage)
      separate(stage, [follower!])
      await stage.answered(FELT)
    },
  },
  deafLeader: {
    name: 'the leader speaks, but hears nothing',
    async run(stage) {
      const leader = await stage.leader()
      for (const other of others(stage, leader)) stage.network.cut(other, leader)
      await stage.tried(IN_VAIN)
    },
  },
  muteLeader: {
    name: 'the leader hears, but nobody hears it',
    async run(stage) {
      const leader = await stage.leader()
      for (const other of others(stage, leader)) stage.network.cut(leader, other)
      await stage.newLeader([leader])
      await stage.answered(FELT)
    },
  },
  brokenPair: {
    name: 'the leader and one follower cannot reach each other, all others can',
    async run(stage) {
      const [follower] = await followers(stage)
      separate(stage, [await stage.leader()], [follower!])
      await stage.tried(FELT)
    },
  },
  slowNetwork: {
    name: 'every message takes its time, each link another',
    async run(stage) {
      for (const from of stage.names) {
        for (const to of others(stage, from)) stage.network.delay(from, to, stage.random.below(40))
      }
      await stage.answered(FELT)
    },
  },
  flappingLinks: {
    name: 'connections are torn off again and again',
    async run(stage) {
      for (let times = 0; times < 10; times++) {
        const [one, other] = [stage.random.pick(stage.names), stage.random.pick(stage.names)]
        stage.network.tear(one, other)
        await stage.tried(4)
      }
    },
  },
}

function majority({ names }: Stage): number {
  return Math.floor(names.length / 2) + 1
}

function others({ names }: Stage, name: string): string[] {
  return names.filter((other) => other !== name)
}

/** In random order. */
async function followers(stage: Stage): Promise<string[]> {
  const left = others(stage, await stage.leader())
  return left.map(() => left.splice(stage.random.below(left.length), 1)[0]!)
}

/** Nothing passes between the two groups, in neither direction. */
function separate(
  { names, network }: Stage,
  group: readonly string[],
  rest = names.filter((name) => !group.includes(name)),
): void {
  for (const one of group) {
    for (const other of rest) {
      network.cut(one, other)
      network.cut(other, one)
    }
  }
}
