/**
 * Compaction without an operator: keep the history of so many hours, or of so many revisions.
 *
 * Only the leader acts, through the log like any client, so all members give up the same revisions. Every member takes notes meanwhile, so that a new leader
 * need not begin to count. Kubernetes' API server compacts by itself; this is for clusters whose clients do not.
 * Source: etcd `server/etcdserver/api/v3compactor` (`periodic.go`, `revision.go`); `--auto-compaction-mode`, `--auto-compaction-retention`.
 */
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'

export type AutoCompaction =
  /** Revisions that are older than this go. */
  | { readonly mode: 'periodic'; readonly retentionMs: number }
  /** So many revisions before the newest stay. */
  | { readonly mode: 'revision'; readonly retention: number }

export interface AutoCompactorOptions {
  readonly plan: AutoCompaction
  readonly isLeader: () => boolean
  readonly revision: () => number
  readonly compact: (revision: number) => Promise<unknown>
  readonly clock: Clock
  readonly log: Log
}

const HOUR_MS = 3_600_000
/** By revisions it is looked this often. */
const REVISION_CHECK_MS = 300_000
/** Notes per period, at least. */
const NOTES_PER_PERIOD = 10

/** Undefined when nothing is to be compacted: a retention of 0. Throws, for people to read, when it is no retention. */
export function parseAutoCompaction(mode: string, retention: string): AutoCompaction | undefined {
  if (mode === 'revision') {
    const revisions = Number(retention)
    if (!Number.isInteger(revisions) || revisions < 0)
      throw new Error(`--auto-compaction-retention: "${retention}" is no number of revisions`)
    return revisions === 0 ? undefined : { mode, retention: revisions }
  }
  if (mode !== 'periodic') throw new Error(`--auto-compaction-mode: "${mode}" is neither periodic nor revision`)
  const retentionMs = durationMs(retention)
  return retentionMs === 0 ? undefined : { mode, retentionMs }
}

const UNITS_MS: Readonly<Record<string, number>> = { h: HOUR_MS, m: 60_000, s: 1000, ms: 1 }

/** Go's durations, such as 1h30m; a bare number is hours. */
function durationMs(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * HOUR_MS
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text))
    throw new Error(`--auto-compaction-retention: "${text}" is no duration such as 30m or 12h`)
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)]
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS_MS[unit!]!, 0)
}

export class AutoCompactor {
  readonly #options: AutoCompactorOptions
  readonly #beatMs: number
  #timer: Timer | undefined
  /** Revisions as they were noted, oldest first; at most those of one period. */
  readonly #notes: number[] = []
  #compacted = 0
  #compactedAtMs: number

  constructor(options: AutoCompactorOptions) {
    const { plan, clock } = options
    this.#options = options
    this.#beatMs = plan.mode === 'revision' ? REVISION_CHECK_MS : intervalMs(plan.retentionMs) / NOTES_PER_PERIOD
    this.#compactedAtMs = clock.now()
    this.#notes.push(options.revision())
  }

  start(): void {
    this.#timer = this.#options.clock.setTimer(this.#beatMs, () => {
      this.#beat()
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #beat(): void {
    const { isLeader, clock, compact, log } = this.#options
    const target = this.#target()
    if (target === undefined || target <= this.#compacted || !isLeader()) return
    const done = () => {
      this.#compacted = target
      this.#compactedAtMs = clock.now()
    }
    compact(target).then(
      () => {
        done()
        log.info(`history before revision ${target} is compacted`)
      },
      (error: Error) => {
        // Someone else was quicker.
        if (/has been compacted/.test(error.message)) done()
        else log.warn(`history before revision ${target} could not be compacted: ${error.message}`)
      },
    )
  }

  /** Up to which revision history may go now; undefined when it is not time yet. */
  #target(): number | undefined {
    const { plan, revision, clock } = this.#options
    if (plan.mode === 'revision') return revision() - plan.retention
    this.#notes.push(revision())
    const notesKept = Math.round(plan.retentionMs / this.#beatMs) + 1
    if (this.#notes.length > notesKept) this.#notes.shift()
    if (this.#notes.length < notesKept || clock.now() - this.#compactedAtMs < intervalMs(plan.retentionMs))
      return undefined
    return this.#notes[0]
  }
}

/** How often by time: once per period, and at least once an hour. */
function intervalMs(retentionMs: number): number {
  return Math.min(retentionMs, HOUR_MS)
}
