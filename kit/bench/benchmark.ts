/**
 * What a benchmark is: a name, a sentence, and a run that hands in figures as it measures them.
 *
 * What it starts it registers with `context.cleanup` at once, so that an error or Ctrl-C at any moment leaves nothing behind;
 * and it looks at `context.signal` between steps, so that Ctrl-C is heard soon.
 */
import type { Figure } from './figures.ts'

export interface Benchmark {
  /** As in `npm run bench -- <name>`. */
  readonly name: string
  /** What is measured, in one sentence. */
  readonly about: string
  /** Why it cannot run on this machine; undefined when it can. */
  obstacle?(): Promise<string | undefined>
  run(context: BenchContext): Promise<void>
}

export interface BenchContext {
  /** A short run: smaller loads, fewer rounds. Its figures scatter more. */
  readonly quick: boolean
  /** The learner's labs, "3" or "1,4" or "all"; undefined: all solutions. */
  readonly mine: string | undefined
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Says what is going on. */
  progress(what: string): void
  /** Hands in what was measured. */
  measured(figure: Figure): void
  /** Adds a sentence under the table: how it was measured, or what could not be. */
  note(sentence: string): void
  /** Runs when the benchmark has ended, however it ended; the last one registered first. */
  cleanup(undo: () => void | Promise<void>): void
}
