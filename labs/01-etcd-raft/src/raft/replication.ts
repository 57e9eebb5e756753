/**
 * Copying the leader's log to everyone.
 *
 * The leader only ever appends; followers overwrite what disagrees with the leader, never what is committed. Each append names
 * the entry before it, and a follower that lacks that entry refuses: so by induction, whoever accepts has the
 * leader's log up to there (Log Matching). A heartbeat is an append without entries.
 *
 * The leader does not wait for answers: it moves `nextIndex` on as it sends. When a message is lost, the next one is
 * refused, and the refusal tells where to go on from.
 * Source: Raft §5.3, figure 2 "AppendEntries RPC"; etcd-io/raft `tracker/progress.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type { AppendRequest, AppendResponse, Entry, MemberId } from '#kit/raft/messages.ts'
import { entriesBetween, lastIndex } from './log.ts'
import { otherVoters, type RaftState } from './state.ts'

/** At most this many entries are under way to one follower without an answer. */
const WINDOW_ENTRIES = 8192
/** Entries of one message are about this large together, except that one entry is always sent. */
const MESSAGE_BYTES = 1 << 20

/**
 * Appends commands to our own log, as entries of our term. What is appended is sent with the next `ready`. Raft §5.3.
 *
 * @lab 1.2 Append commands to the leader's log
 */
export function appendAsLeader(raft: RaftState, commands: readonly ByteString[]): void {
  throw new NotImplemented(
    '1.2',
    'appendAsLeader',
    "Append commands to the leader's log",
    'labs/01-etcd-raft/src/raft/replication.ts',
  )
}

/** Sends every follower what it lacks, or, when something is to be announced, at least an empty append. */
export function replicate(raft: RaftState): void {
  for (const id of otherVoters(raft)) {
    if (raft.mustAnnounce || hasMoreFor(raft, id)) sendAppend(raft, id)
  }
  raft.mustAnnounce = false
}

export function hasMoreFor(raft: RaftState, id: MemberId): boolean {
  const { nextIndex, matchIndex } = raft.progress[id]!
  return nextIndex <= lastIndex(raft.log) && nextIndex <= matchIndex + WINDOW_ENTRIES
}

/**
 * Sends one follower the entries from its `nextIndex` on (`nextBatch` says which, perhaps none), along with the index and term of the entry
 * before them, our commit index and our newest read round; and moves its `nextIndex` past what was sent.
 *
 * @lab 1.2 Send a follower its next entries
 */
export function sendAppend(raft: RaftState, to: MemberId): void {
  throw new NotImplemented(
    '1.2',
    'sendAppend',
    'Send a follower its next entries',
    'labs/01-etcd-raft/src/raft/replication.ts',
  )
}

/** What fits into one message to this follower; nothing while too much is under way to it already. */
export function nextBatch(raft: RaftState, to: MemberId): Entry[] {
  if (!hasMoreFor(raft, to)) return []
  const { nextIndex, matchIndex } = raft.progress[to]!
  const entries = entriesBetween(raft.log, nextIndex, matchIndex + WINDOW_ENTRIES)
  let bytes = 0
  const tooMuch = entries.findIndex((entry, position) => {
    bytes += entry.data.length
    return bytes > MESSAGE_BYTES && position > 0
  })
  return tooMuch === -1 ? entries : entries.slice(0, tooMuch)
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
  throw new NotImplemented(
    '1.2',
    'handleAppendRequest',
    'Append what the leader sends',
    'labs/01-etcd-raft/src/raft/replication.ts',
  )
}

/**
 * A follower answers. Accepted: its `matchIndex` rises (never falls: answers may arrive late or twice), `nextIndex` is beyond it, and
 * `progressChanged` is set if it rose. Refused: unless the refusal is old (about an index known to match by now), `nextIndex` goes back
 * to where the conflict says, but stays beyond `matchIndex`, and the entries from there are sent at once.
 *
 * @lab 1.2 Learn from a follower's answer
 */
export function handleAppendResponse(raft: RaftState, response: AppendResponse): void {
  throw new NotImplemented(
    '1.2',
    'handleAppendResponse',
    "Learn from a follower's answer",
    'labs/01-etcd-raft/src/raft/replication.ts',
  )
}
