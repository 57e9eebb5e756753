/**
 * The parts of a member around its replica: each is given what it may ask of the others, and no more.
 */
import { describeError } from '#kit/contracts/log.ts'
import type { MemberId } from '#kit/raft/messages.ts'
import type { PeerFrame } from '#kit/raft/wire.ts'
import { AutoCompactor } from './auto-compaction.ts'
import type { Request } from './command.ts'
import { type EngineOptions, timingOf } from './engine-options.ts'
import { missingMembershipPart } from './fixed-members.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { MemberChanges } from './member-changes.ts'
import type { Office } from './move-leader.ts'
import type { Peers } from './peers.ts'
import type { Replica } from './replica.ts'
import { Space } from './space.ts'
import type { StateMachine } from './state-machine.ts'

/** What the parts are made from. */
export interface Surroundings {
  readonly options: EngineOptions
  readonly machine: StateMachine
  readonly replica: Replica
  readonly peers: Peers
  /** As for a client: refused when there is no room. */
  propose(request: Request): Promise<unknown>
}

/** This member's place among the others: who leads, who can be reached. Nearly every part asks. */
function placeOf({ options, replica, peers }: Surroundings) {
  return {
    selfId: options.cluster.self.id,
    leader: () => replica.leader(),
    isLeader: () => replica.isLeader(),
    isConnected: (id: MemberId) => peers.isConnected(id),
    send: (to: MemberId, frame: Partial<PeerFrame>) => peers.send(to, frame),
    clock: options.clock,
    log: options.log,
  }
}

export function createSpace({ options, machine }: Surroundings, raise: () => Promise<void>): Space {
  const { quotaBytes, log } = options
  const { store, alarms } = machine
  const onError = (error: unknown) =>
    log.warn(`there is no room, and the alarm about it is not raised yet: ${describeError(error)}`)
  return new Space({ quotaBytes, store, alarms, raise, onError })
}

export function createMemberChanges(around: Surroundings): MemberChanges {
  const { options, machine, replica } = around
  const missing = missingMembershipPart()
  if (missing) options.log.warn(`runs with fixed members: ${missing.message}`)
  return new MemberChanges({
    ...placeOf(around),
    missing,
    members: machine.members,
    hasCaughtUp: (id) => replica.driver.hasCaughtUp(id),
    mayChange: () => replica.driver.mayChangeMembers(),
    propose: (change, request) =>
      replica.proposals.propose(request, (data) => replica.driver.proposeChange(change, data)),
    timeoutMs: timingOf(options).requestTimeoutMs,
  })
}

export function createOffice(around: Surroundings): Office {
  const { options, replica } = around
  return {
    ...placeOf(around),
    handOverTo: (to) => replica.driver.transferLeadership(to),
    likelySuccessor: () => replica.driver.likelySuccessor(),
    pollMs: timingOf(options).tickMs,
    timeoutMs: options.electionTimeoutMs,
  }
}

/** Undefined when only clients are to compact. */
export function createAutoCompactor(around: Surroundings): AutoCompactor | undefined {
  const { options, machine, propose } = around
  const plan = options.autoCompaction
  if (!plan) return undefined
  return new AutoCompactor({
    ...placeOf(around),
    plan,
    revision: () => machine.store.revision,
    compact: (revision) => propose({ compaction: { revision } }),
  })
}

export function createLeaseKeeper(around: Surroundings): LeaseKeeper {
  const { options, machine, propose } = around
  return new LeaseKeeper({
    ...placeOf(around),
    lessor: machine.lessor,
    revoke: (ID) => propose({ leaseRevoke: { ID } }),
    timeoutMs: options.electionTimeoutMs,
  })
}
