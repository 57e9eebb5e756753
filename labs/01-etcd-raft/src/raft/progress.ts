/**
 * What a leader knows of one member's log, and how much it dares to send.
 *
 * Three modes. *Probe*: the leader does not know where the logs agree, so it asks with one append at a time. *Replicate*: it knows, so it
 * sends on without waiting for answers, up to a window. *Snapshot*: what the member needs is no longer in the log; a snapshot is
 * on its way, and until that is answered appends would be useless.
 *
 * ```text
 *            accepted                     refused, or long without an answer
 *   probe ────────────▶ replicate          replicate ────────────▶ probe
 *     │ the log no longer holds nextIndex
 *     └────────────▶ snapshot ── accepted ──▶ replicate, or long without an answer ──▶ probe
 * ```
 *
 * Heartbeats go out in every mode and never count: they name the entry before `nextIndex` like any append, so their answer tells when
 * messages were lost.
 *
 * Guarantee: 0 ≤ matchIndex < nextIndex, and matchIndex never falls while one leads.
 * Source: Ongaro's thesis §10.2.1; etcd-io/raft `tracker/progress.go`, `tracker/inflights.go`.
 */
import type { Entry } from '#kit/raft/messages.ts'

/** What a leader knows of one member's log. Always `matchIndex < nextIndex`. */
export interface Progress {
  /** The highest index known to be the same in that member's log, and on its disk. */
  matchIndex: number
  /** The next entry to send. Beyond `matchIndex + 1` while appends are under way, or as a guess. */
  nextIndex: number
  /** The newest round of reads that this member has answered. */
  readRound: number
  /** How to send: one append at a time, many at once, or nothing while a snapshot is on its way. */
  mode: 'probe' | 'replicate' | 'snapshot'
  /** Probing: the one append is under way. */
  isProbing: boolean
  /** Replicating: appends with entries that are not answered yet, oldest first. */
  inFlight: { readonly lastIndex: number; readonly bytes: number }[]
  bytesInFlight: number
  /** Leader's ticks since this member last accepted something, or since `mode` changed. */
  silentTicks: number
}

/** At most so many appends, and about so many bytes, are under way to one member without an answer. */
export const MAX_MESSAGES_IN_FLIGHT = 256
export const MAX_BYTES_IN_FLIGHT = 16 << 20

/** Nothing is known yet: the first append will ask whether the log is the same just before `nextIndex`. */
export function freshProgress(nextIndex: number): Progress {
  return {
    matchIndex: 0,
    nextIndex,
    readRound: 0,
    mode: 'probe',
    isProbing: false,
    inFlight: [],
    bytesInFlight: 0,
    silentTicks: 0,
  }
}

/** Whether this member must first answer before it gets more than heartbeats. */
export function mustWait({ mode, isProbing, inFlight, bytesInFlight }: Progress): boolean {
  if (mode === 'probe') return isProbing
  if (mode === 'snapshot') return true
  return inFlight.length >= MAX_MESSAGES_IN_FLIGHT || bytesInFlight >= MAX_BYTES_IN_FLIGHT
}

/** An append with these entries has gone out. Replicating, the next one goes on behind them, without waiting for the answer. */
export function noteSent(progress: Progress, entries: readonly Entry[]): void {
  const last = entries.at(-1)
  if (!last) return
  if (progress.mode === 'probe') {
    progress.isProbing = true
    return
  }
  const bytes = entries.reduce((sum, { data }) => sum + data.length, 0)
  progress.inFlight.push({ lastIndex: last.index, bytes })
  progress.bytesInFlight += bytes
  progress.nextIndex = last.index + 1
}

/** The member has accepted something: `matchIndex` is up to date already. What it answered makes room for more. */
export function noteAccepted(progress: Progress): void {
  progress.nextIndex = Math.max(progress.nextIndex, progress.matchIndex + 1)
  if (progress.mode === 'replicate') {
    progress.silentTicks = 0
    freeWindow(progress)
  } else if (progress.matchIndex === progress.nextIndex - 1) {
    // The very place that was asked about, or where the snapshot ends. An older answer says nothing of it.
    enter(progress, 'replicate')
  }
}

function freeWindow(progress: Progress): void {
  const { inFlight, matchIndex } = progress
  while (inFlight.length > 0 && inFlight[0]!.lastIndex <= matchIndex) {
    progress.bytesInFlight -= inFlight.shift()!.bytes
  }
}

/**
 * Whether a refusal of `rejectedIndex` says nothing new: what is refused matches by now; or this is not the place that we are asking about.
 * When one of many pipelined appends is lost, all those behind it are refused, and only the first refusal counts.
 */
export function isOldRefusal({ mode, matchIndex, nextIndex }: Progress, rejectedIndex: number): boolean {
  if (rejectedIndex <= matchIndex || mode === 'snapshot') return true
  return mode === 'probe' && rejectedIndex !== nextIndex - 1
}

/** From now on, ask with one append at a time, beginning at `nextIndex`. */
export function probeFrom(progress: Progress, nextIndex: number): void {
  enter(progress, 'probe')
  progress.nextIndex = nextIndex
}

/** A snapshot up to `index` is on its way. What follows it comes next. */
export function awaitSnapshot(progress: Progress, index: number): void {
  enter(progress, 'snapshot')
  progress.nextIndex = index + 1
}

/** A tick of the leader's. After `patience` ticks without any acceptance, what was sent counts as lost. */
export function tickProgress(progress: Progress, patience: number): void {
  progress.silentTicks += 1
  if (progress.mode === 'probe' || progress.silentTicks < patience) return
  probeFrom(progress, progress.matchIndex + 1)
}

function enter(progress: Progress, mode: Progress['mode']): void {
  progress.mode = mode
  progress.isProbing = false
  progress.inFlight = []
  progress.bytesInFlight = 0
  progress.silentTicks = 0
}
