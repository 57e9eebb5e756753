/**
 * One line of a bench page: what was measured, beside the real thing and beside the target.
 *
 * Guarantee: a figure exists only when ours was measured in this run. The real thing's is either measured in the same run, or
 * recorded on another machine, and the page says which.
 */

/** Of rates more is better, of everything else less. */
export type Unit = 'per second' | 'ms' | 's' | 'MB'

export interface Measured {
  /** In the figure's unit. */
  readonly value: number
  readonly p50Ms?: number | undefined
  readonly p99Ms?: number | undefined
  /** Processor time that the server spent on one operation, in microseconds. */
  readonly cpuMicros?: number | undefined
}

export interface Reference extends Measured {
  /** "etcd 3.4.23" */
  readonly name: string
  readonly origin: 'measured' | 'recorded'
}

/** How far ours may be from the reference, or an absolute bound. At least for rates, at most for everything else. */
export type Target = { readonly ratio: number } | { readonly value: number }

export interface Figure {
  /** "put, 64 clients" */
  readonly what: string
  readonly unit: Unit
  readonly ours: Measured
  readonly reference?: Reference | undefined
  readonly target?: Target | undefined
}

export type Verdict = 'met' | 'missed'

/** Ours divided by the real thing's. */
export function ratioOf({ ours, reference }: Figure): number | undefined {
  return reference && reference.value > 0 ? ours.value / reference.value : undefined
}

/** Undefined when there is no target, or nothing to compare with. */
export function verdictOf(figure: Figure): Verdict | undefined {
  const { target, unit, ours } = figure
  if (!target) return undefined
  const reached = 'ratio' in target ? ratioOf(figure) : ours.value
  if (reached === undefined) return undefined
  const bound = 'ratio' in target ? target.ratio : target.value
  return (unit === 'per second' ? reached >= bound : reached <= bound) ? 'met' : 'missed'
}
