import { NotImplemented } from '#kit/contracts/not-implemented.ts'

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
    throw new NotImplemented(
      '4.3',
      'Expectations.expect',
      'Remember what was asked for',
      'labs/04-controllers/src/replicaset/expectations.ts',
    )
  }

  /**
   * A pod of `key` appeared, or its creation failed. Never counts below zero: others may create pods too.
   *
   * @lab 4.3 Count a creation
   */
  creationSeen(key: string): void {
    throw new NotImplemented(
      '4.3',
      'Expectations.creationSeen',
      'Count a creation',
      'labs/04-controllers/src/replicaset/expectations.ts',
    )
  }

  /**
   * This pod is gone or going, or its deletion failed. Seen twice, it counts once.
   *
   * @lab 4.3 Count a deletion
   */
  deletionSeen(key: string, pod: string): void {
    throw new NotImplemented(
      '4.3',
      'Expectations.deletionSeen',
      'Count a deletion',
      'labs/04-controllers/src/replicaset/expectations.ts',
    )
  }

  /**
   * Whether the copy shows all that was asked for. True for a key of which nothing is expected.
   *
   * @lab 4.3 Say whether the copy has caught up
   */
  met(key: string, nowMs: number): boolean {
    throw new NotImplemented(
      '4.3',
      'Expectations.met',
      'Say whether the copy has caught up',
      'labs/04-controllers/src/replicaset/expectations.ts',
    )
  }

  /** The owner is gone. */
  forget(key: string): void {
    this.#expected.delete(key)
  }
}
