/**
 * Writes down what happens in a simulation, as the events of a trace.
 *
 * A recorder that keeps everything makes a page that can be read from the beginning; one that keeps the last few hundred events costs next to
 * nothing, and is what thousands of runs use: since a seed replays exactly, the one that failed is run again with everything kept.
 */
import type { MemberId, RaftStatus } from '../../raft/messages.ts'
import type { RaftTrace, TraceEvent, TraceFailure } from '../raft-trace.ts'
import { messagesOf, sentenceOf } from './trace-view/sentences.ts'

/** An event before it is known when it happens. */
export type TraceDraft = TraceEvent extends infer One ? (One extends TraceEvent ? Omit<One, 'atMs'> : never) : never

/** Enough to tell what led to a failure. */
export const LAST_FEW = 200

export class TraceRecorder {
  #events: TraceEvent[] = []
  readonly #keep: number
  readonly #known = new Map<MemberId, RaftStatus>()
  #failure: TraceFailure | undefined
  #messages = 0

  /** @param keep how many events; `Infinity` for all */
  constructor(keep: number) {
    this.#keep = keep
  }

  get events(): readonly TraceEvent[] {
    return this.#events
  }

  get failure(): TraceFailure | undefined {
    return this.#failure
  }

  /** Takes over `draft`, and adds the time to it: copying every event would cost a tenth of a run. */
  note(atMs: number, draft: TraceDraft): void {
    this.#events.push(Object.assign(draft, { atMs }) as TraceEvent)
    if (this.#events.length > 2 * this.#keep) this.#events = this.#events.slice(-this.#keep)
  }

  /** What a member knows, if that is news. */
  noteState(atMs: number, status: RaftStatus): void {
    const known = this.#known.get(status.id)
    if (known && isSame(known, status)) return
    this.#known.set(status.id, status)
    this.note(atMs, { kind: 'state', member: status.id, status })
  }

  /** Nothing is known of a member that is down. */
  forget(id: MemberId): void {
    this.#known.delete(id)
  }

  /** A new number for a message. */
  nextMessage(): number {
    return ++this.#messages
  }

  /** The last thing that happened broke `rule`. The first failure is the one that counts. */
  fail(rule: string, message: string): void {
    this.#failure ??= { event: Math.max(0, this.#events.length - 1), rule, message }
  }

  /** The last things that happened, a line each. */
  lastLines(count: number): string[] {
    const messages = messagesOf({ events: this.#events })
    const roles = new Map<MemberId, string>()
    const lines: string[] = []
    for (const event of this.#events.slice(-20 * count)) {
      if (event.kind === 'send' || event.kind === 'persist' || event.kind === 'apply') continue
      if (event.kind === 'state') {
        const before = roles.get(event.member)
        const now = `${event.status.role} ${event.status.term}`
        roles.set(event.member, now)
        if (before === undefined || before === now) continue
      }
      lines.push(`${String(event.atMs).padStart(6)} ms  ${sentenceOf(event, messages)}`)
    }
    return lines.slice(-count)
  }

  trace(about: Pick<RaftTrace, 'title' | 'seed' | 'replay' | 'members'>): RaftTrace {
    return { ...about, events: this.#events, ...(this.#failure && { failure: this.#failure }) }
  }
}

function isSame(one: RaftStatus, other: RaftStatus): boolean {
  return (
    one.role === other.role &&
    one.term === other.term &&
    one.leader === other.leader &&
    one.commitIndex === other.commitIndex &&
    one.appliedIndex === other.appliedIndex &&
    one.lastIndex === other.lastIndex &&
    one.compactedIndex === other.compactedIndex &&
    isSameList(one.voters, other.voters) &&
    isSameList(one.learners, other.learners)
  )
}

function isSameList(one: readonly MemberId[], other: readonly MemberId[]): boolean {
  return one === other || one.join() === other.join()
}
