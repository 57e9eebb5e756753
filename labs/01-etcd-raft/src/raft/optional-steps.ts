/**
 * ★ steps are optional: while one is not written, Raft goes on without it.
 */
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'

/** The answer of a part that may not be written yet; `otherwise` while it is not. Other errors go on. */
export function unlessUnwritten<Answer>(ask: () => Answer, otherwise: Answer): Answer {
  try {
    return ask()
  } catch (error) {
    if (!isNotImplemented(error)) throw error
    return otherwise
  }
}
