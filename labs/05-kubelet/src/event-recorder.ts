/**
 * Events tell people what the kubelet did with their pod: `kubectl describe pod` shows them. Nothing else may rest on
 * them: they are sent without waiting, and one that cannot be sent is dropped.
 *
 * Equal events are counted up on one object instead of filling the store, as a crash loop would.
 *
 * Source: client-go `tools/record` (EventRecorder, EventCorrelator).
 */
import type { CoreEvent, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { formatTime } from './status/times.ts'

export interface EventSubject {
  readonly kind: 'Pod' | 'Node'
  readonly name: string
  readonly namespace?: string | undefined
  readonly uid: string
  readonly resourceVersion?: string | undefined
  /** `spec.containers{main}` */
  readonly fieldPath?: string | undefined
}

export interface EventRecorder {
  record(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void
  /** Resolves when all events so far are sent or dropped. */
  flush(): Promise<void>
}

/** How many different events are remembered for counting; the oldest are forgotten first. */
const REMEMBERED = 1000
const ATTEMPTS = 3
const RETRY_MS = 1000
/** With so many events waiting, none is worth another try. */
const MAX_WAITING = 100

export function createEventRecorder({
  client,
  nodeName,
  clock,
  log,
}: {
  client: ApiClient
  nodeName: string
  clock: Clock
  log: Log
}): EventRecorder {
  const known = new Map<string, Stored<CoreEvent>>()
  let sent: Promise<void> = Promise.resolve()
  let created = 0
  let waiting = 0

  async function send(subject: EventSubject, type: string, reason: string, message: string): Promise<void> {
    const key = JSON.stringify([subject.uid, subject.fieldPath, type, reason, message])
    const earlier = known.get(key)
    const now = formatTime(clock.now())
    const namespace = subject.namespace ?? 'default'
    if (earlier) {
      const patch = { count: (earlier.count ?? 1) + 1, lastTimestamp: now }
      const ref = { namespace, name: earlier.metadata.name }
      known.set(key, await client.patch(resources.coreEvents, ref, 'application/merge-patch+json', patch))
      return
    }
    const suffix = (BigInt(clock.now()) * 1_000_000n + BigInt(created++ % 1_000_000)).toString(16)
    const apiVersion = 'v1'
    const event: CoreEvent = {
      apiVersion,
      kind: 'Event',
      metadata: { name: `${subject.name}.${suffix}`, namespace },
      involvedObject: { ...subject, apiVersion },
      reason,
      message,
      source: { component: 'kubelet', host: nodeName },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      reportingComponent: 'kubelet',
      reportingInstance: nodeName,
    }
    known.set(key, await client.create<CoreEvent>(resources.coreEvents, event, { namespace }))
    if (known.size > REMEMBERED) known.delete(known.keys().next().value!)
  }

  /** While the API server is away, or its first namespaces are not there yet, a few more tries; then it is dropped. */
  async function sendWithRetries(subject: EventSubject, type: string, reason: string, message: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await send(subject, type, reason, message)
      } catch (error) {
        if (attempt < ATTEMPTS && waiting < MAX_WAITING) {
          await new Promise<void>((resolve) => clock.setTimer(RETRY_MS, resolve))
          continue
        }
        return log.warn(`event ${reason} of ${subject.name} was not sent: ${describeError(error)}`)
      }
    }
  }

  return {
    record(subject, type, reason, message) {
      waiting++
      sent = sent
        .then(() => sendWithRetries(subject, type, reason, message))
        .finally(() => {
          waiting--
        })
    },
    flush: () => sent,
  }
}
