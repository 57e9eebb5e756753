/**
 * What a member wants done: persisted, sent, applied, served.
 *
 * Nothing that is not on disk is ever spoken of, because messages wait in the outbox until the `Ready` that also holds what they rest on.
 * Source: etcd-io/raft `doc.go`, `rawnode.go`.
 */
import type { Entry, HardState, ReadState, Ready, SnapshotMetadata } from '#kit/raft/messages.ts'
import { advanceCommit, entriesToApply } from './commit.ts'
import { canRelease, release } from './forwarding.ts'
import { entriesBetween, lastIndex, termAt } from './log.ts'
import { applyChanges } from './membership.ts'
import { beginEarlyReads, releaseReads } from './read-index.ts'
import { hasMoreFor, replicate } from './replication.ts'
import { otherMembers, type RaftState } from './state.ts'

/** Whether there is anything to be done. */
export function hasWork(raft: RaftState): boolean {
  return (
    raft.outbox.length > 0 ||
    raft.stableIndex < lastIndex(raft.log) ||
    raft.appliedIndex < raft.commitIndex ||
    raft.confirmedReads.length > 0 ||
    raft.receivedSnapshot !== null ||
    hardStateChanged(raft) ||
    canRelease(raft) ||
    (raft.role === 'leader' && leaderHasWork(raft))
  )
}

/** Takes out what is to be done now. */
export function takeReady(raft: RaftState): Ready {
  if (canRelease(raft)) release(raft)
  if (raft.role === 'leader') lead(raft)
  const committedEntries = entriesToHandOut(raft)
  const { outbox, confirmedReads, receivedSnapshot, log } = raft
  raft.confirmedReads = []
  if (mayGoAhead(raft, committedEntries, confirmedReads)) {
    return { entries: [], messages: [], committedEntries, reads: confirmedReads }
  }
  raft.outbox = []
  return {
    entries: entriesBetween(log, raft.stableIndex + 1, lastIndex(log)),
    messages: outbox,
    committedEntries,
    reads: confirmedReads,
    ...(hardStateChanged(raft) && { hardState: hardStateOf(raft) }),
    ...(receivedSnapshot && { snapshot: receivedSnapshot }),
  }
}

/** Notes that all of it has been done. */
export function noteDone(raft: RaftState, ready: Ready): void {
  if (ready.hardState) raft.persisted = ready.hardState
  if (ready.snapshot) noteInstalled(raft, ready.snapshot)
  const lastApplied = ready.committedEntries.at(-1)
  if (lastApplied) {
    raft.appliedIndex = lastApplied.index
    raft.appliedTerm = lastApplied.term
    applyChanges(raft, ready.committedEntries)
  }
  // While the disk was writing, a newer leader may have replaced some of these entries.
  const stable = ready.entries.findLast((entry) => termAt(raft.log, entry.index) === entry.term)
  if (!stable) return
  raft.stableIndex = Math.max(raft.stableIndex, stable.index)
  if (raft.role !== 'leader') return
  raft.progress[raft.id]!.matchIndex = raft.stableIndex
  raft.progressChanged = true
}

/** A snapshot from the leader is noted on disk and has replaced the state machine. */
function noteInstalled(raft: RaftState, snapshot: SnapshotMetadata): void {
  raft.snapshot = snapshot
  raft.appliedIndex = snapshot.index
  raft.appliedTerm = snapshot.term
  raft.stableIndex = Math.max(raft.stableIndex, snapshot.index)
  raft.voters = snapshot.voters
  raft.learners = snapshot.learners
  // A newer one may have come while this one was written.
  if (raft.receivedSnapshot === snapshot) raft.receivedSnapshot = null
}

/** What is committed and not applied. If that came to nothing, whoever drives us would ask for ever. */
function entriesToHandOut({ log, appliedIndex, commitIndex, receivedSnapshot }: RaftState): Entry[] {
  if (commitIndex <= appliedIndex) return []
  const entries = entriesToApply(log, appliedIndex, commitIndex)
  if (entries.length > 0 || receivedSnapshot) return entries
  throw new Error(
    `all up to ${commitIndex} is committed and only up to ${appliedIndex} applied, but there is nothing to apply; the log ends at ${lastIndex(log)}`,
  )
}

/** What a leader has to do before it can say what is ready. */
function lead(raft: RaftState): void {
  if (raft.progressChanged) advanceCommit(raft)
  beginEarlyReads(raft)
  if (raft.pendingReads.length > 0) releaseReads(raft)
  replicate(raft)
}

function leaderHasWork(raft: RaftState): boolean {
  return raft.mustAnnounce || raft.progressChanged || otherMembers(raft).some((id) => hasMoreFor(raft, id))
}

/**
 * Whether what is decided and on our disk may go out by itself, now: else it would wait until the disk has the new entries too, and whoever waits for the
 * one would wait for the other.
 */
function mayGoAhead(raft: RaftState, committed: readonly Entry[], reads: readonly ReadState[]): boolean {
  const { stableIndex, log, receivedSnapshot } = raft
  const hasNewEntries = stableIndex < lastIndex(log) && receivedSnapshot === null
  const isOnDisk = (committed.at(-1)?.index ?? 0) <= stableIndex
  return hasNewEntries && isOnDisk && committed.length + reads.length > 0
}

function hardStateOf(raft: RaftState): HardState {
  return { term: raft.term, votedFor: raft.votedFor, commitIndex: raft.commitIndex }
}

function hardStateChanged({ term, votedFor, commitIndex, persisted }: RaftState): boolean {
  return term !== persisted.term || votedFor !== persisted.votedFor || commitIndex !== persisted.commitIndex
}
