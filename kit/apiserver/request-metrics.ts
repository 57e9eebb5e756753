/**
 * What the server counts of its requests, for /metrics: the series that dashboards and alerts of upstream's clusters look
 * at, under the same names and with the same labels.
 *
 * Source: apiserver `pkg/endpoints/metrics/metrics.go`.
 */
import type { KindRow } from '../contracts/apiserver.ts'
import { requestLabels, type ServedResources, servedResources } from './metrics/request-labels.ts'
import { Histogram, labelText, REQUEST_SECONDS, Sum } from './metrics/series.ts'
import type { RequestTarget } from './request-query.ts'

const COMPONENT = 'apiserver'

/** One request, from its head to the end of its answer. */
export interface RunningRequest {
  /** It goes on for as long as it likes: a watch. From here on it is not in flight any more. */
  isLongRunning(): void
  finished(code: number): void
}

interface LabelTexts {
  readonly kind: string
  readonly long: string
  readonly counted: string
}

export class RequestMetrics {
  readonly #total = new Sum({
    name: 'apiserver_request_total',
    help: 'Requests answered, by verb, resource and status code.',
    type: 'counter',
  })
  readonly #durations = new Histogram(
    { name: 'apiserver_request_duration_seconds', help: 'How long answers took, in seconds.' },
    REQUEST_SECONDS,
  )
  readonly #inFlight = new Sum({
    name: 'apiserver_current_inflight_requests',
    help: 'Requests under way, without those that are meant to go on.',
    type: 'gauge',
  })
  readonly #longRunning = new Sum({
    name: 'apiserver_longrunning_requests',
    help: 'Requests under way that are meant to go on.',
    type: 'gauge',
  })
  readonly #watchEvents = new Sum({
    name: 'apiserver_watch_events_total',
    help: 'Events sent to watchers, by kind.',
    type: 'counter',
  })
  readonly #served: ServedResources
  /** Whoever knows more to tell. */
  readonly #further: () => readonly string[]
  readonly #texts = new Map<string, LabelTexts>()
  #unfinished = 0

  constructor(kinds: readonly KindRow[] = [], further: () => readonly string[] = () => []) {
    this.#served = servedResources(kinds)
    this.#further = further
    for (const kind of ['mutating', 'readOnly']) this.#inFlight.set(labelText({ request_kind: kind }), 0)
  }

  /** Requests whose answer is not complete yet. */
  get inFlight(): number {
    return this.#unfinished
  }

  started(method: string, target: RequestTarget): RunningRequest {
    const startedMs = performance.now()
    const { kind, long, counted } = this.#textsOf(method, target)
    let isLong = false
    this.#unfinished++
    this.#inFlight.add(kind)
    return {
      isLongRunning: () => {
        isLong = true
        this.#inFlight.add(kind, -1)
        this.#longRunning.add(long)
      },
      finished: (code) => {
        this.#unfinished--
        if (isLong) this.#longRunning.add(long, -1)
        else this.#inFlight.add(kind, -1)
        this.#total.add(`${counted},code="${code}"`)
        this.#durations.observe(counted, (performance.now() - startedMs) / 1000)
      },
    }
  }

  /** There are few different ones, and they are wanted often. */
  #textsOf(method: string, target: RequestTarget): LabelTexts {
    const labels = requestLabels(method, target, this.#served)
    const dryRun = target.query.dryRun?.[0] === 'All' ? 'All' : ''
    const key = `${Object.values(labels).join(' ')} ${dryRun}`
    let texts = this.#texts.get(key)
    if (!texts) {
      texts = {
        kind: labelText({ request_kind: method === 'GET' || method === 'HEAD' ? 'readOnly' : 'mutating' }),
        long: labelText({ ...labels, component: COMPONENT }),
        counted: labelText({ ...labels, dry_run: dryRun, component: COMPONENT }),
      }
      this.#texts.set(key, texts)
    }
    return texts
  }

  /** What to call for each event that a watch sends. */
  watchEventCounter({ resource: { group, version, kind } }: Pick<KindRow, 'resource'>): () => void {
    const labels = labelText({ group, version, kind })
    return () => this.#watchEvents.add(labels)
  }

  text(): string {
    const series = [this.#total, this.#durations, this.#inFlight, this.#longRunning, this.#watchEvents]
    const { user, system } = process.cpuUsage()
    return [
      ...series.flatMap((one) => one.lines()),
      ...this.#further(),
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
      '# TYPE process_cpu_seconds_total counter',
      `process_cpu_seconds_total ${(user + system) / 1e6}`,
      '# TYPE process_start_time_seconds gauge',
      `process_start_time_seconds ${(Date.now() - process.uptime() * 1000) / 1000}`,
      '',
    ].join('\n')
  }
}
