/**
 * Probes: asking a container how it is. Three questions with three consequences: startup (before it succeeded, the others
 * are not asked), liveness (no: kill it), readiness (no: send it no traffic).
 *
 * One answer decides nothing. Only so many in a row do, or a single slow answer would kill a healthy server.
 *
 * Source: kubernetes `pkg/kubelet/prober/worker.go`, `prober_manager.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Probe } from '#kit/api/objects.ts'

export type ProbeKind = 'startup' | 'liveness' | 'readiness'
export type ProbeResult = 'success' | 'failure' | 'unknown'

export interface ProbeState {
  /** The verdict; the last answer may differ from it. */
  readonly result: ProbeResult
  readonly lastAnswer: Exclude<ProbeResult, 'unknown'> | undefined
  /** How often in a row the last answer came. */
  readonly inARow: number
}

/**
 * Before the first answer: a container counts as alive, as not ready, and as not known to have started.
 *
 * @lab 5.9 Assume something before the first answer
 */
export function initialProbeState(kind: ProbeKind): ProbeState {
  throw new NotImplemented(
    '5.9',
    'initialProbeState',
    'Assume something before the first answer',
    'labs/05-kubelet/src/probes.ts',
  )
}

/**
 * After one more answer. Equal answers in a row are counted. The verdict becomes the answer once there are
 * `successThreshold` successes (default 1) or `failureThreshold` failures (default 3) in a row; before that it stays.
 *
 * @lab 5.9 Take in an answer
 */
export function observeAnswer(
  state: ProbeState,
  answer: Exclude<ProbeResult, 'unknown'>,
  { successThreshold = 1, failureThreshold = 3 }: Probe,
): ProbeState {
  throw new NotImplemented('5.9', 'observeAnswer', 'Take in an answer', 'labs/05-kubelet/src/probes.ts')
}

/**
 * Whether it is time to ask at all: only after `initialDelaySeconds` (default 0) since the container started; liveness and
 * readiness only once it counts as started (`hasStarted`), the startup probe only until then.
 *
 * @lab 5.9 Decide whether to ask
 */
export function isProbeDue(
  kind: ProbeKind,
  { initialDelaySeconds = 0 }: Probe,
  container: { readonly startedAtMs: number; readonly hasStarted: boolean },
  nowMs: number,
): boolean {
  throw new NotImplemented('5.9', 'isProbeDue', 'Decide whether to ask', 'labs/05-kubelet/src/probes.ts')
}

/** Which status codes of an HTTP answer count as success. */
export function isHttpSuccess(statusCode: number): boolean {
  return statusCode >= 200 && statusCode < 400
}
