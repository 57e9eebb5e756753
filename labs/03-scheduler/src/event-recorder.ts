/**
 * Sends Events about pods. An Event that repeats (same pod, same reason) does not become a new object each time: the first one
 * gets a `series`, whose count goes up; and that is written at most every ten seconds, however often it happens.
 *
 * Events are for people. Losing one is no reason to stop or to try again, so failures are only logged.
 *
 * Source: client-go `tools/events/event_broadcaster.go`.
 */

import type { Event, Pod } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { type Announcement, eventOf, microTime } from './announcements.ts'
import { podIdentity } from './node-info.ts'

const REPEAT_EVERY_MS = 10_000

interface Series {
  readonly event: Event
  count: number
  writtenAtMs: number
}

export interface EventRecorder {
  record(pod: Pod, said: Announcement): void
  /** The pod is scheduled or gone: what it says next is not a repetition. */
  endSeries(pod: Pod): void
}

export function createEventRecorder(client: ApiClient, clock: Clock, log: Log): EventRecorder {
  /** Of pods that keep failing, by `podIdentity`. */
  const failing = new Map<string, Series>()

  async function create(pod: Pod, said: Announcement): Promise<void> {
    const event = eventOf(pod, said, clock.now())
    if (said.type === 'Warning') failing.set(podIdentity(pod), { event, count: 1, writtenAtMs: clock.now() })
    await client.create(resources.events, event)
  }

  async function repeat(series: Series): Promise<void> {
    series.count++
    const isFirstRepetition = series.count === 2
    if (!isFirstRepetition && clock.now() - series.writtenAtMs < REPEAT_EVERY_MS) return
    series.writtenAtMs = clock.now()
    const { namespace, name = '' } = series.event.metadata ?? {}
    await client.patch(resources.events, { namespace, name }, 'application/merge-patch+json', {
      series: { count: series.count, lastObservedTime: microTime(clock.now()) },
    })
  }

  return {
    record(pod, said) {
      const series = said.type === 'Warning' ? failing.get(podIdentity(pod)) : undefined
      const isRepetition = series?.event.note === said.note
      const sending = series && isRepetition ? repeat(series) : create(pod, said)
      sending.catch((error) => {
        // The Event was cleaned away, as the API server does after an hour: the next one starts anew.
        if (hasReason(error, 'NotFound')) failing.delete(podIdentity(pod))
        log.warn(`event ${said.reason}: ${describeError(error)}`)
      })
    },
    endSeries: (pod) => void failing.delete(podIdentity(pod)),
  }
}
