/**
 * What a member has when it starts: all that is on its disk, and from it the state machine and Raft's core as they were before.
 *
 * A snapshot holds everything up to its index. What the log holds after it is not applied here: Raft hands it out again once it knows how much of it is
 * committed.
 */
import { randomInt } from 'node:crypto'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { createRaftState } from '../raft/create-state.ts'
import { Raft } from '../raft/raft.ts'
import { metadataOf } from '../snapshot/content.ts'
import { type EngineOptions, timingOf } from './engine-options.ts'
import { Membership } from './membership.ts'
import { raftFeatures } from './raft-features.ts'
import { StateMachine } from './state-machine.ts'
import { type Found, type OpenedStorage, Storage, type StorageOptions } from './storage.ts'

/** Where the log cannot be read because that step is not written yet, the member comes up anyway. */
export async function openStorage(options: StorageOptions): Promise<OpenedStorage> {
  return Storage.open(options).catch((error) => {
    if (!isNotImplemented(error)) throw error
    options.log.error('the write-ahead log cannot be read', error)
    return Storage.missing(error, options)
  })
}

export function restoreMachine({ cluster, clock }: EngineOptions, { snapshot }: Found): StateMachine {
  const machine = new StateMachine(clock, new Membership(cluster.founders))
  if (snapshot) machine.restore(snapshot.head, snapshot.store)
  return machine
}

export function restoreCore(options: EngineOptions, { snapshot, restored }: Found): Raft {
  const { cluster, log } = options
  const { heartbeatTicks, electionTicks, firstElectionTicks } = timingOf(options)
  const { hardState, entries } = restored
  const state = createRaftState({
    id: cluster.self.id,
    voters: cluster.founders.map((member) => member.id),
    timing: { heartbeatTicks, electionTicks, firstElectionTicks },
    features: raftFeatures(options, log),
    seed: randomInt(2 ** 32),
    ...(hardState && { hardState }),
    ...(snapshot && { snapshot: metadataOf(snapshot.head) }),
    entries,
  })
  return new Raft(state)
}
