/**
 * Writes core/v1 Events, the lines at the end of `kubectl describe`. They tell people what a component did; nothing else may
 * rest on them.
 *
 * Guarantees: recording never fails and never delays the component; the same words about the same object raise the count of
 * one Event instead of making many; many similar ones (same reason, other words) are combined from the tenth on, and beyond 25
 * per object they come slowly; what cannot be sent is tried again a few times. Source: client-go `tools/record/events_cache.go`.
 */
import type { ApiObject, CoreEvent, Stored } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { hasReason } from '../api/status-error.ts'
import { type ApiClient, ConnectionError } from '../contracts/api-client.ts'
import type { Clock } from '../contracts/clock.ts'
import { describeError, type Log } from '../contracts/log.ts'

const SIMILAR_BEFORE_COMBINING = 10
const SIMILAR_WINDOW_MS = 600_000
const BURST_PER_OBJECT = 25
const REFILL_EVERY_MS = 300_000
const RETRIES = 5
const RETRY_MS = 2_000
/** Memory is bounded: the oldest subjects are forgotten. */
const REMEMBERED = 4_096

/** What an Event is about. */
export interface EventSubject {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string | undefined
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
  /** `spec.containers{main}` */
  readonly fieldPath?: string | undefined
}

export interface EventRecorder {
  record(about: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void
  /** Resolves when everything recorded so far has been sent, dropped or put off. */
  flush(): Promise<void>
}

export function eventSubjectOf(object: Pick<ApiObject, 'apiVersion' | 'kind' | 'metadata'>): EventSubject {
  const { apiVersion = '', kind = '', metadata = {} } = object
  const { name = '', namespace, uid, resourceVersion } = metadata
  return { apiVersion, kind, name, namespace, uid, resourceVersion }
}

export function createEventRecorder(options: {
  client: ApiClient
  clock: Clock
  log: Log
  /** Who speaks: "kubelet". */
  component: string
  /** The node on which it speaks, if that matters. */
  host?: string
}): EventRecorder {
  const { client, clock, log, component, host } = options
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

  async function write(about: EventSubject, type: string, reason: string, words: string): Promise<void> {
    const subject = [about.kind, about.namespace, about.name, about.uid].join('/')
    if (!allowed(subject)) return
    const { key, message } = combine([subject, about.fieldPath, type, reason].join('/'), words)
    const before = written.get(key)
    const repeated = before && (await repeat(before, message))
    written.set(key, repeated ?? (await create(about, type, reason, message)))
  }

  /** @returns undefined when the earlier Event is gone: Events expire. */
  async function repeat(before: Stored<CoreEvent>, message: string): Promise<Stored<CoreEvent> | undefined> {
    const { namespace, name } = before.metadata
    const patch = { count: (before.count ?? 1) + 1, lastTimestamp: timestamp(), message }
    const type = 'application/strategic-merge-patch+json'
    return client.patch<CoreEvent>(resources.coreEvents, { namespace, name }, type, patch).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
  }

  function create(about: EventSubject, type: string, reason: string, message: string): Promise<Stored<CoreEvent>> {
    const now = timestamp()
    return client.create<CoreEvent>(resources.coreEvents, {
      metadata: { namespace: about.namespace ?? 'default', name: `${about.name}.${suffix()}` },
      // As upstream: an Event about something without a namespace lies in "default".
      involvedObject: about as CoreEvent['involvedObject'],
      reason,
      message,
      type,
      source: { component, ...(host && { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    })
  }

  const timestamp = () => new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z')

  /** As upstream: the time in nanoseconds, in hexadecimal, here with a counter for uniqueness within a millisecond. */
  let counter = 0
  const suffix = () => (BigInt(clock.now()) * 1_000_000n + BigInt(counter++ % 1_000_000)).toString(16)

  function send(about: EventSubject, type: string, reason: string, message: string, triesLeft: number): void {
    queue = queue
      .then(() => write(about, type, reason, message))
      .catch((error: unknown) => {
        // Others need not wait in the queue for this one.
        if (triesLeft > 0 && isTooEarly(error))
          clock.setTimer(RETRY_MS, () => send(about, type, reason, message, triesLeft - 1))
        else log.warn(`event ${reason} not recorded: ${describeError(error)}`)
      })
  }

  return {
    record: (about, type, reason, message) => send(about, type, reason, message, RETRIES),
    flush: () => queue,
  }
}

/** A server that is not there, or has no namespaces yet: as when a cluster boots. What a server refuses is not tried again. */
const isTooEarly = (error: unknown) => error instanceof ConnectionError || hasReason(error, 'NotFound')

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
