/**
 * Cores that are right, in surroundings that are not: mistakes which no mutant of the core can make.
 */
import type { HardState, RaftCore, Ready } from '#kit/raft/messages.ts'
import type { CreateCore } from '#kit/sim/raft/scenario.ts'

/** A member comes back with its term and its log, and without the vote that it has given. */
export function forgetsItsVote(create: CreateCore): CreateCore {
  return (start) => {
    const { hardState } = start
    return create(hardState ? { ...start, hardState: { ...hardState, votedFor: null } } : start)
  }
}

/** What is to be persisted comes one `Ready` later than the messages that rest on it. */
export function sendsBeforeItsDisk(create: CreateCore): CreateCore {
  return (start) => withLateDisk(create(start))
}

function withLateDisk(core: RaftCore): RaftCore {
  let late: Pick<Ready, 'hardState' | 'entries'> | undefined
  let real: Ready | undefined
  const rest: Omit<RaftCore, 'ready' | 'hasReady' | 'advance'> = {
    tick: () => core.tick(),
    step: (message) => core.step(message),
    propose: (command) => core.propose(command),
    proposeChange: (change, data) => core.proposeChange(change, data),
    transferLeadership: (to) => core.transferLeadership(to),
    snapshotMetadata: () => core.snapshotMetadata(),
    compact: (snapshot, compactIndex) => core.compact(snapshot, compactIndex),
    readIndex: (context) => core.readIndex(context),
    status: () => core.status(),
  }
  return {
    ...rest,
    hasReady: () => late !== undefined || core.hasReady(),
    ready() {
      const before = late
      real = core.ready()
      const { hardState, entries, ...said } = real
      late = hardState || entries.length > 0 ? { entries, ...optional(hardState) } : undefined
      return { ...said, entries: before?.entries ?? [], ...optional(before?.hardState) }
    },
    advance: () => core.advance(real!),
  }
}

function optional(hardState: HardState | undefined): { hardState?: HardState } {
  return hardState ? { hardState } : {}
}
