/**
 * Counters, gauges and histograms, and how Prometheus reads them: one line per set of labels.
 *
 * Three classes and a line format are less than what a library would bring along.
 * Source: Prometheus, "Exposition formats" (text format 0.0.4).
 */
export type Labels = Readonly<Record<string, string>>

/** `code="200",verb="GET"`; made once per set of labels and then used as a key. */
export function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (mark) => (mark === '\n' ? '\\n' : `\\${mark}`))}"`)
    .join(',')
}

/** Upstream's, in seconds: for requests of clients and for those to etcd. */
export const REQUEST_SECONDS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
] as const

interface Description {
  readonly name: string
  readonly help: string
}

/** A number per set of labels, which goes up; a gauge's goes down as well. */
export class Sum {
  readonly #values = new Map<string, number>()
  readonly #description: Description & { readonly type: 'counter' | 'gauge' }

  constructor(description: Description & { readonly type: 'counter' | 'gauge' }) {
    this.#description = description
  }

  /** @param labels as `labelText` gives them */
  add(labels: string, amount = 1): void {
    this.#values.set(labels, (this.#values.get(labels) ?? 0) + amount)
  }

  set(labels: string, value: number): void {
    this.#values.set(labels, value)
  }

  lines(): string[] {
    const { name, type } = this.#description
    const samples = [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1))
    return [...head(this.#description, type), ...samples.map(([labels, value]) => sample(name, labels, value))]
  }
}

/** How often a value was at most so large, for a few sizes. */
export class Histogram {
  readonly #description: Description
  readonly #bounds: readonly number[]
  readonly #observed = new Map<string, { readonly counts: number[]; count: number; sum: number }>()

  constructor(description: Description, bounds: readonly number[]) {
    this.#description = description
    this.#bounds = bounds
  }

  observe(labels: string, value: number): void {
    let observed = this.#observed.get(labels)
    if (!observed) {
      observed = { counts: this.#bounds.map(() => 0), count: 0, sum: 0 }
      this.#observed.set(labels, observed)
    }
    const bucket = this.#bounds.findIndex((bound) => value <= bound)
    if (bucket >= 0) observed.counts[bucket]! += 1
    observed.count += 1
    observed.sum += value
  }

  lines(): string[] {
    const { name } = this.#description
    const lines = head(this.#description, 'histogram')
    for (const [labels, { counts, count, sum }] of [...this.#observed].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const before = labels ? `${labels},` : ''
      let soFar = 0
      for (const [i, bound] of this.#bounds.entries()) {
        soFar += counts[i] ?? 0
        lines.push(sample(`${name}_bucket`, `${before}le="${bound}"`, soFar))
      }
      lines.push(sample(`${name}_bucket`, `${before}le="+Inf"`, count))
      lines.push(sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count))
    }
    return lines
  }
}

function head({ name, help }: Description, type: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function sample(name: string, labels: string, value: number): string {
  return labels ? `${name}{${labels}} ${value}` : `${name} ${value}`
}
