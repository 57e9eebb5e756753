/**
 * A test that teaches when it fails.
 *
 * `lesson` is Vitest's `it` with the words that the lab runner prints on failure: the scenario, the rule that was broken
 * and its source. What the code did and what was expected come from the failed assertion itself, so they cannot drift.
 */
import { it } from 'vitest'
import { isNotImplemented } from '../contracts/not-implemented.ts'

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
  /** Records where a page was written that shows what happened, from the repository's root. */
  trace(path: string): void
}

/** Writes down what happened in a lesson that fails, and returns where, from the repository's root. */
type Witness = (about: {
  readonly title: string
  readonly testFile: string
  readonly rule: string
  /** What the failed check says, in a line. */
  readonly message: string
}) => string

/** Of the lesson that is running: tests of a file run one after the other. */
const witnesses: Witness[] = []

/** The running lesson, should it fail, is to leave this behind. The last one given counts. */
export function leaveWhenFailing(write: Witness): void {
  witnesses.splice(0, 1, write)
}

declare module 'vitest' {
  interface TaskMeta {
    lesson?: Lesson
    seed?: number
    trace?: string
  }
}

export function lesson(title: string, words: Lesson, run: (context: LessonContext) => void | Promise<void>): void {
  it(
    `${title} (${words.source})`,
    words.timeoutMs === undefined ? {} : { timeout: words.timeoutMs },
    async ({ task }) => {
      task.meta.lesson = words
      witnesses.length = 0
      try {
        await run({
          seed(value) {
            task.meta.seed = value
          },
          trace(path) {
            task.meta.trace = path
          },
        })
      } catch (error) {
        if (isNotImplemented(error)) throw error
        const message = String(error instanceof Error ? error.message : error).split('\n', 1)[0]!
        task.meta.trace ??= witnesses[0]?.({ title, testFile: task.file.name, rule: words.rule, message })
        throw error
      }
    },
  )
}
