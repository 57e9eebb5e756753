/**
 * Runs benchmarks one after the other and hands back what each measured. One that cannot run, or fails, does not stop the
 * next; Ctrl-C stops all. Whatever happens, what a benchmark started is gone before the next one begins.
 */
import { describeError } from '../contracts/log.ts'
import type { BenchContext, Benchmark } from './benchmark.ts'
import type { Figure } from './figures.ts'

export type Status = 'measured' | 'skipped' | 'failed' | 'interrupted'

export interface Outcome {
  readonly name: string
  readonly about: string
  readonly status: Status
  /** Why it was skipped or failed. */
  readonly reason?: string
  readonly tookSeconds: number
  readonly figures: readonly Figure[]
  readonly notes: readonly string[]
}

export interface RunOptions {
  readonly quick: boolean
  readonly mine?: string | undefined
  readonly signal: AbortSignal
  progress(benchmark: string, what: string): void
}

export async function runBenchmarks(benchmarks: readonly Benchmark[], options: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const benchmark of benchmarks) {
    if (options.signal.aborted) break
    outcomes.push(await runOne(benchmark, options))
  }
  return outcomes
}

async function runOne(benchmark: Benchmark, { quick, mine, signal, progress }: RunOptions): Promise<Outcome> {
  const { name, about } = benchmark
  const figures: Figure[] = []
  const notes: string[] = []
  const undos: (() => void | Promise<void>)[] = []
  const context: BenchContext = {
    quick,
    mine,
    signal,
    progress: (what) => progress(name, what),
    measured: (figure) => void figures.push(figure),
    note: (sentence) => void notes.push(sentence),
    cleanup: (undo) => void undos.push(undo),
  }
  const startMs = performance.now()
  const outcome = (status: Status, reason?: string): Outcome => {
    const tookSeconds = (performance.now() - startMs) / 1000
    return { name, about, status, ...(reason !== undefined && { reason }), tookSeconds, figures, notes }
  }
  try {
    const obstacle = await benchmark.obstacle?.()
    if (obstacle !== undefined) return outcome('skipped', obstacle)
    await benchmark.run(context)
    return outcome('measured')
  } catch (error) {
    return signal.aborted ? outcome('interrupted') : outcome('failed', describeError(error))
  } finally {
    for (const undo of undos.reverse()) {
      try {
        await undo()
      } catch (error) {
        notes.push(`While cleaning up: ${describeError(error)}`)
      }
    }
  }
}
