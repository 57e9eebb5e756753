/**
 * Copying the leader's log to everyone.
 *
 * The leader only ever appends; followers overwrite what disagrees with the leader, never what is committed. Each append names
 * the entry before it, and a follower that lacks that entry refuses: so by induction, whoever accepts has the
 * leader's log up to there (Log Matching). A heartbeat is an append without entries.
 *
 * The leader does not wait for answers once it knows where the logs agree. When a message is lost, the next one is refused, and
 * the refusal tells where to go on from. How much may be under way is a question for `progress.ts`.
 * Source: Raft §5.3, figure 2 "AppendEntries RPC"; Ongaro's thesis §10.2.1.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { AppendRequest, AppendResponse, Entry, MemberId } from '#kit/raft/messages.ts'
import {
  describeConflict,
  entriesBetween,
  entryAt,
  findConflict,
  holdsEntry,
  lastIndex,
  nextIndexAfterConflict,
  replaceFrom,
  termAt,
} from './log.ts'
import { isOldRefusal, mustWait, noteAccepted, noteSent, probeFrom } from './progress.ts'
import { needsSnapshot, sendSnapshot } from './snapshot.ts'
import { otherMembers, type RaftState, send } from './state.ts'

/**
 * Appends commands to our own log, as entries of our term. What is appended is sent with the next `ready`. We count
 * ourselves among those who have it (our own `matchIndex`) only when our disk does, which is seen to elsewhere (`advance`). Raft §5.3.
 *
 * @lab 1.2 Append commands to the leader's log
 */
export function appendAsLeader(raft: RaftState, commands: readonly ByteString[]): void {
  const first = lastIndex(raft.log) + 1
  const entries = commands.map((data, offset) => ({ term: raft.term, index: first + offset, data }))
  replaceFrom(raft.log, first, entries)
}

/** Sends every follower what it lacks, or, when something is to be announced, at least an empty append. */
export function replicate(raft: RaftState): void {
  for (const id of otherMembers(raft)) {
    if (needsSnapshot(raft, id)) sendSnapshot(raft, id)
    else if (raft.mustAnnounce || hasMoreFor(raft, id)) sendNext(raft, id)
  }
  raft.mustAnnounce = false
}

function sendNext(raft: RaftState, id: MemberId): void {
  const entries = nextBatch(raft, id)
  sendAppend(raft, id, entries)
  noteSent(raft.progress[id]!, entries)
}

/** Whether there are entries that may go out to this follower now. */
export function hasMoreFor(raft: RaftState, id: MemberId): boolean {
  const progress = raft.progress[id]!
  return progress.nextIndex <= lastIndex(raft.log) && !mustWait(progress)
}

/**
 * Sends one follower `entries`, which begin at its `nextIndex` (there may be none), along with the index and term of the entry before
 * `nextIndex`, our commit index and our newest read round. That its `nextIndex` then moves past what was sent is seen to elsewhere (`noteSent`).
 *
 * @lab 1.2 Send a follower its next entries
 */
export function sendAppend(raft: RaftState, to: MemberId, entries: readonly Entry[]): void {
  const prevLogIndex = raft.progress[to]!.nextIndex - 1
  const prevLogTerm = termAt(raft.log, prevLogIndex)!
  send(raft, {
    type: 'AppendRequest',
    to,
    prevLogIndex,
    prevLogTerm,
    entries,
    commitIndex: raft.commitIndex,
    readRound: raft.readRound,
  })
}

/** What fits into one message to this follower; nothing while it must answer first. */
export function nextBatch(raft: RaftState, to: MemberId): Entry[] {
  if (!hasMoreFor(raft, to)) return []
  const from = raft.progress[to]!.nextIndex
  let bytes = 0
  let next = from
  while (next <= lastIndex(raft.log)) {
    bytes += entryAt(raft.log, next).data.length
    if (bytes > raft.messageBytes && next > from) break
    next += 1
  }
  return entriesBetween(raft.log, from, next - 1)
}

/**
 * A leader of our term wants entries appended. It is alive, so the election timeout starts again. If we lack the entry before
 * them, refuse with `rejectedIndex` and the `conflict`; else replace our log from the first entry that is missing or
 * different, mark what was replaced as no longer stable, and accept up to the last entry that the request vouches for (which may
 * be before the end of our log). In both answers `readRound` is said back; what does not apply is 0. Returns whether it accepted.
 *
 * @lab 1.2 Append what the leader sends
 */
export function handleAppendRequest(raft: RaftState, request: AppendRequest): boolean {
  raft.electionElapsed = 0
  const { prevLogIndex, prevLogTerm, entries, readRound } = request
  const answer = { type: 'AppendResponse', to: request.from, readRound } as const
  if (!holdsEntry(raft.log, prevLogIndex, prevLogTerm)) {
    const conflict = describeConflict(raft.log, prevLogIndex)
    send(raft, { accepted: false, matchIndex: 0, rejectedIndex: prevLogIndex, conflict, ...answer })
    return false
  }
  const from = findConflict(raft.log, entries)
  if (from > 0) {
    if (from <= raft.commitIndex) throw new Error(`entry ${from} is committed and must not be replaced`)
    replaceFrom(raft.log, from, entries.slice(from - prevLogIndex - 1))
    raft.stableIndex = Math.min(raft.stableIndex, from - 1)
  }
  const matchIndex = prevLogIndex + entries.length
  send(raft, { accepted: true, matchIndex, rejectedIndex: 0, conflict: { index: 0, term: 0 }, ...answer })
  return true
}

/**
 * A follower answers. Accepted: its `matchIndex` rises (never falls: answers may arrive late or twice), `progressChanged` is set if it rose,
 * and `noteAccepted` draws the consequences. Refused: unless the refusal is old (`isOldRefusal`), go on at an earlier place (`probeFrom`):
 * where the conflict says, before the refused entry in any case, but always beyond `matchIndex`. `replicate` then sends from there.
 *
 * @lab 1.2 Learn from a follower's answer
 */
export function handleAppendResponse(raft: RaftState, response: AppendResponse): void {
  const progress = raft.progress[response.from]
  if (!progress) return
  if (response.accepted) {
    if (response.matchIndex > progress.matchIndex) {
      progress.matchIndex = response.matchIndex
      raft.progressChanged = true
    }
    noteAccepted(progress)
  } else if (!isOldRefusal(progress, response.rejectedIndex)) {
    const next = nextIndexAfterConflict(raft.log, response.conflict)
    probeFrom(progress, Math.max(progress.matchIndex + 1, Math.min(next, response.rejectedIndex)))
  }
}
