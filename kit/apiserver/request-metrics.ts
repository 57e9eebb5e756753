/**
 * Counts for /metrics, in Prometheus' text format: few, but the ones one looks at first.
 *
 * Source: apiserver `pkg/endpoints/metrics/metrics.go` (names and labels).
 */
export class RequestMetrics {
  readonly #counts = new Map<string, number>()
  #inFlight = 0
  #watches = 0

  /** Requests whose answer is not complete yet. */
  get inFlight(): number {
    return this.#inFlight
  }

  started(): void {
    this.#inFlight++
  }

  finished(method: string, code: number): void {
    this.#inFlight--
    const labels = `code="${code}",verb="${method}"`
    this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + 1)
  }

  watchStarted(): void {
    this.#watches++
  }

  watchEnded(): void {
    this.#watches--
  }

  text(): string {
    const memory = process.memoryUsage()
    return [
      '# HELP apiserver_request_total Requests answered, by method and status code.',
      '# TYPE apiserver_request_total counter',
      ...[...this.#counts].sort().map(([labels, count]) => `apiserver_request_total{${labels}} ${count}`),
      '# TYPE apiserver_current_inflight_requests gauge',
      `apiserver_current_inflight_requests ${this.#inFlight}`,
      '# TYPE apiserver_longrunning_requests gauge',
      `apiserver_longrunning_requests{verb="WATCH"} ${this.#watches}`,
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${memory.rss}`,
      '# TYPE process_cpu_seconds_total counter',
      `process_cpu_seconds_total ${process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6}`,
      '',
    ].join('\n')
  }
}
