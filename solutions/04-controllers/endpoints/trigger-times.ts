/**
 * When what a Service's endpoints say began to be true: since then somebody waits to be reached. It is written on them
 * (`endpoints.kubernetes.io/last-change-trigger-time`), so that kube-proxy can measure how long it took until its rules say so, too.
 * Given.
 *
 * Source: kubernetes `staging/src/k8s.io/endpointslice/trigger_time_tracker.go`; SLI "network programming latency".
 */
import type { ObjectMeta, Pod, Service, Stored } from '#kit/api/objects.ts'
import { podCondition } from '../pods.ts'

const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time'

/** Name → the time of the last change that was looked at. All times are of one form, so that they sort as texts. */
type Times = ReadonlyMap<string, string>

export class TriggerTimes {
  readonly #seen = new Map<string, Times>()
  readonly #seenBefore = new Map<string, Times>()

  /**
   * Of all that has changed since the last look (the Service has come, a pod has become ready or stopped being so) the time of the
   * earliest; undefined when nothing has.
   *
   * @param key of the Service
   * @param pods those that it selects
   */
  next(key: string, service: Stored<Service>, pods: readonly Stored<Pod>[]): string | undefined {
    const before = this.#seen.get(key)
    const now = new Map([['', service.metadata.creationTimestamp]])
    for (const pod of pods) {
      const changed = podCondition(pod, 'Ready')?.lastTransitionTime
      if (changed) now.set(pod.metadata.name, changed)
    }
    this.#seen.set(key, now)
    if (before) this.#seenBefore.set(key, before)
    const news = [...now].filter(([name, time]) => time > (before?.get(name) ?? '')).map(([, time]) => time)
    return news.sort()[0]
  }

  /** What was found could not be written: it is news again at the next look. */
  takeBack(key: string): void {
    const before = this.#seenBefore.get(key)
    if (before) this.#seen.set(key, before)
    else this.#seen.delete(key)
  }

  forget(key: string): void {
    this.#seen.delete(key)
    this.#seenBefore.delete(key)
  }
}

/** The metadata with the time of this change; without one when none is known: an older one would be wrong. */
export function withTriggerTime<T extends ObjectMeta>(metadata: T, time: string | undefined): T {
  const { [TRIGGER_TIME]: _older, ...others } = metadata.annotations ?? {}
  const { annotations: _replaced, ...rest } = metadata
  const annotations = { ...others, ...(time && { [TRIGGER_TIME]: time }) }
  return { ...rest, ...(Object.keys(annotations).length > 0 && { annotations }) } as T
}
