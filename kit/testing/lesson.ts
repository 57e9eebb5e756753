/**
 * A test that teaches when it fails.
 *
 * `lesson` is Vitest's `it` with the words that the lab runner prints on failure: the scenario, the rule that was broken
 * and its source. What the code did and what was expected come from the failed assertion itself, so they cannot drift.
 */
import { it } from 'vitest'

export interface Lesson {
  /** The situation, as a story in one to three sentences. */
  readonly scenario: string
  /** The rule that the code must keep. */
  readonly rule: string
  /** Where the rule comes from: `Raft §5.2`, `KEP-3866`, an upstream file or symbol. */
  readonly source: string
  /** Milliseconds before the test is given up; only tests over real sockets or containers need it. */
  readonly timeoutMs?: number
}

/** What a test may add while it runs. */
export interface LessonContext {
  /** Records the seed of a random run, which the runner prints for replay. */
  seed(value: number): void
}

declare module 'vitest' {
  interface TaskMeta {
    lesson?: Lesson
    seed?: number
  }
}

export function lesson(title: string, words: Lesson, run: (context: LessonContext) => void | Promise<void>): void {
  it(
    `${title} (${words.source})`,
    words.timeoutMs === undefined ? {} : { timeout: words.timeoutMs },
    async ({ task }) => {
      task.meta.lesson = words
      await run({
        seed(value) {
          task.meta.seed = value
        },
      })
    },
  )
}
