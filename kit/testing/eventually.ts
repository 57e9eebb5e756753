/**
 * For tests with real processes: what is not so yet may be so soon.
 */
const LOOK_AGAIN_MS = 50
/** Looking costs nothing where it asks no other process. */
const LOOK_OFTEN_MS = 5
/** Less than a test may take, so that it is told what was wrong. */
const LIMIT_MS = 25_000

/** Tries until it works, since members may be starting, electing or catching up; then fails with what the last attempt failed with. */
export async function eventually<Result>(attempt: () => Result | Promise<Result>, limitMs = LIMIT_MS): Promise<Result> {
  const deadlineMs = Date.now() + limitMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > deadlineMs) throw error
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
  }
}

/** Waits until `holds`; fails with what never came about. For what a test cannot be told of. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadlineMs = Date.now() + LIMIT_MS
  while (!holds()) {
    if (Date.now() > deadlineMs) throw new Error(`it never came about that ${what}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_OFTEN_MS))
  }
}
