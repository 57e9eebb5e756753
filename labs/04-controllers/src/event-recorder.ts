/**
 * Writes core/v1 Events, the lines at the end of `kubectl describe`. Given.
 *
 * Guarantees: recording never fails and never delays the controller; the same words about the same object raise the
 * count of one Event instead of making many; many similar ones (same reason, other words) are combined from the tenth
 * on, and beyond 25 per object they come slowly. Source: client-go `tools/record/events_cache.go`.
 */
import type { CoreEvent, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { EventNote } from '#kit/contracts/controllers.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'

const SIMILAR_BEFORE_COMBINING = 10
const SIMILAR_WINDOW_MS = 600_000
const BURST_PER_OBJECT = 25
const REFILL_EVERY_MS = 300_000
const REPEAT_AFTER_MS = 2_000
/** Memory is bounded: the oldest subjects are forgotten. */
const REMEMBERED = 4_096

export interface EventRecorder {
  record(note: EventNote): void
  /** Resolves when everything recorded so far has been sent. */
  flush(): Promise<void>
}

export function createEventRecorder(options: {
  client: ApiClient
  clock: Clock
  log: Log
  component: string
}): EventRecorder {
  const { client, clock, log, component } = options
  const written = new BoundedMap<Stored<CoreEvent>>()
  const similar = new BoundedMap<{ sinceMs: number; messages: Set<string> }>()
  const budgets = new BoundedMap<{ tokens: number; countedAtMs: number }>()
  let queue = Promise.resolve()

  function allowed(subject: string): boolean {
    const nowMs = clock.now()
    const budget = budgets.get(subject) ?? { tokens: BURST_PER_OBJECT, countedAtMs: nowMs }
    budget.tokens = Math.min(BURST_PER_OBJECT, budget.tokens + (nowMs - budget.countedAtMs) / REFILL_EVERY_MS)
    budget.countedAtMs = nowMs
    budgets.set(subject, budget)
    if (budget.tokens < 1) return false
    budget.tokens -= 1
    return true
  }

  /** Key under which to count, and the words to write. */
  function combine(group: string, message: string): { key: string; message: string } {
    const nowMs = clock.now()
    let seen = similar.get(group)
    if (!seen || nowMs - seen.sinceMs > SIMILAR_WINDOW_MS) seen = { sinceMs: nowMs, messages: new Set() }
    seen.messages.add(message)
    similar.set(group, seen)
    return seen.messages.size < SIMILAR_BEFORE_COMBINING
      ? { key: `${group}/${message}`, message }
      : { key: group, message: `(combined from similar events): ${message}` }
  }

  async function write(note: EventNote): Promise<void> {
    const { metadata, kind, apiVersion } = note.about
    const subject = `${kind}/${metadata?.namespace}/${metadata?.name}/${metadata?.uid}`
    if (!allowed(subject)) return
    const { key, message } = combine(`${subject}/${note.type}/${note.reason}`, note.message)
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z')
    const namespace = metadata?.namespace ?? 'default'
    const before = written.get(key)
    if (before) {
      const patch = { count: (before.count ?? 1) + 1, lastTimestamp: now, message }
      const ref = { namespace, name: before.metadata.name }
      try {
        const type = 'application/strategic-merge-patch+json'
        written.set(key, await client.patch<CoreEvent>(resources.coreEvents, ref, type, patch))
        return
      } catch (error) {
        // Events expire. A gone one is written anew.
        if (!hasReason(error, 'NotFound')) throw error
      }
    }
    const event: CoreEvent = {
      metadata: { namespace, name: `${metadata?.name}.${suffix()}` },
      involvedObject: {
        kind: kind ?? '',
        apiVersion: apiVersion ?? '',
        name: metadata?.name ?? '',
        ...(metadata?.namespace && { namespace: metadata.namespace }),
        ...(metadata?.uid && { uid: metadata.uid }),
        ...(metadata?.resourceVersion && { resourceVersion: metadata.resourceVersion }),
      },
      reason: note.reason,
      message,
      type: note.type,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    }
    written.set(key, await client.create<CoreEvent>(resources.coreEvents, event))
  }

  /** As upstream: the time in nanoseconds, in hexadecimal, here with a counter for uniqueness within a millisecond. */
  let counter = 0
  const suffix = () => (BigInt(clock.now()) * 1_000_000n + BigInt(counter++ % 1_000_000)).toString(16)

  function record(note: EventNote, isRepeat = false): void {
    queue = queue
      .then(() => write(note))
      .catch((error: unknown) => {
        // In a cluster that has just been born, nodes join before the namespace `default` exists.
        if (hasReason(error, 'NotFound') && !isRepeat) clock.setTimer(REPEAT_AFTER_MS, () => record(note, true))
        else log.warn(`event ${note.reason} not recorded: ${describeError(error)}`)
      })
  }

  return {
    record: (note) => record(note),
    flush: () => queue,
  }
}

/** A Map that forgets its oldest entries. */
class BoundedMap<V> {
  readonly #entries = new Map<string, V>()

  get(key: string): V | undefined {
    return this.#entries.get(key)
  }

  set(key: string, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > REMEMBERED) this.#entries.delete(this.#entries.keys().next().value!)
  }
}
