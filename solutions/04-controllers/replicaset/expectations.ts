/**
 * What a controller has asked for and not seen yet.
 *
 * The copy lags behind the server: right after creating three pods, it may still show none, and a second look would
 * create three more. So a controller writes down what its copy must show before the next decision.
 *
 * Guarantee: `met` is false from `expect` until every expected creation and deletion was seen (or known to have
 * failed), or five minutes have passed: an event that never comes must not stop a controller for ever.
 *
 * Source: kubernetes `pkg/controller/controller_utils.go` (ControllerExpectations, UIDTrackingControllerExpectations).
 */
const TIMEOUT_MS = 5 * 60_000

interface Expected {
  creations: number
  /**
   * Keys, since a pod that is being deleted is seen several times: at its deletionTimestamp, at each update, at the
   * end.
   */
  readonly deletions: Set<string>
  readonly sinceMs: number
}

export class Expectations {
  readonly #expected = new Map<string, Expected>()

  /**
   * The controller of `key` is about to create that many pods and to delete those with these keys. Replaces what was
   * expected before.
   *
   * @lab 4.3 Remember what was asked for
   */
  expect(key: string, asked: { creations: number; deletions: readonly string[] }, nowMs: number): void {
    this.#expected.set(key, { creations: asked.creations, deletions: new Set(asked.deletions), sinceMs: nowMs })
  }

  /**
   * A pod of `key` appeared, or its creation failed. Never counts below zero: others may create pods too.
   *
   * @lab 4.3 Count a creation
   */
  creationSeen(key: string): void {
    const expected = this.#expected.get(key)
    if (expected && expected.creations > 0) expected.creations -= 1
  }

  /**
   * This pod is gone or going, or its deletion failed. Seen twice, it counts once.
   *
   * @lab 4.3 Count a deletion
   */
  deletionSeen(key: string, pod: string): void {
    this.#expected.get(key)?.deletions.delete(pod)
  }

  /**
   * Whether the copy shows all that was asked for. True for a key of which nothing is expected.
   *
   * @lab 4.3 Say whether the copy has caught up
   */
  met(key: string, nowMs: number): boolean {
    const expected = this.#expected.get(key)
    if (!expected) return true
    return (expected.creations === 0 && expected.deletions.size === 0) || nowMs - expected.sinceMs > TIMEOUT_MS
  }

  /** The owner is gone. */
  forget(key: string): void {
    this.#expected.delete(key)
  }
}
