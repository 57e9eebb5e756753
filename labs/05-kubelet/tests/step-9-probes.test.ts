/** Step 5.9 ★: probes. */
import { describe, expect } from 'vitest'
import { lesson } from '#kit/testing/lesson.ts'
import { initialProbeState, isProbeDue, observeAnswer, type ProbeKind } from '#kubelet/probes.ts'
import { NOW, SECOND } from './fixtures.ts'

const WORKER = 'kubernetes pkg/kubelet/prober/worker.go'

/** The verdicts after each answer: "+" success, "-" failure. */
function verdicts(kind: ProbeKind, answers: string, probe = {}): string[] {
  let state = initialProbeState(kind)
  return [...answers].map((answer) => {
    state = observeAnswer(state, answer === '+' ? 'success' : 'failure', probe)
    return state.result
  })
}

describe('before the first answer', () => {
  lesson(
    'a container is alive, not ready, and may have started',
    {
      scenario: 'The container has just started; no probe has been asked.',
      rule: 'Do not kill what was not asked, and send no traffic to it either.',
      source: 'kubernetes pkg/kubelet/prober/worker.go, newWorker',
    },
    () => {
      expect(initialProbeState('liveness').result).toBe('success')
      expect(initialProbeState('readiness').result).toBe('failure')
      expect(initialProbeState('startup').result).toBe('unknown')
    },
  )
})

describe('a verdict', () => {
  lesson(
    'changes after so many equal answers in a row',
    {
      scenario: 'A liveness probe with the default thresholds: failures, with a success in between.',
      rule: 'Three failures in a row; one success begins the count anew, and one is enough to succeed.',
      source: WORKER,
    },
    () => {
      expect(verdicts('liveness', '--+---+')).toEqual([
        'success',
        'success',
        'success',
        'success',
        'success',
        'failure',
        'success',
      ])
    },
  )

  lesson(
    'obeys its own thresholds',
    {
      scenario: 'A readiness probe with successThreshold 2 and failureThreshold 1.',
      rule: 'The count begins at one with every change of the answer.',
      source: WORKER,
    },
    () => {
      const probe = { successThreshold: 2, failureThreshold: 1 }
      expect(verdicts('readiness', '++-+-++', probe)).toEqual([
        'failure',
        'success',
        'failure',
        'failure',
        'failure',
        'failure',
        'success',
      ])
    },
  )

  lesson(
    'is kept apart from the last answer',
    {
      scenario: 'A ready container has failed once; now it fails a second time, and the threshold is three.',
      rule: 'The answer and its count change at once, the verdict only at the threshold.',
      source: WORKER,
    },
    () => {
      const state = { result: 'success', lastAnswer: 'failure', inARow: 1 } as const
      expect(observeAnswer(state, 'failure', {})).toEqual({ result: 'success', lastAnswer: 'failure', inARow: 2 })
      expect(observeAnswer(state, 'success', {})).toEqual({ result: 'success', lastAnswer: 'success', inARow: 1 })
    },
  )

  lesson(
    'on the startup stays open until it is clear',
    {
      scenario: 'A startup probe fails twice, then succeeds; another fails three times.',
      rule: 'Unknown is neither: the container is not killed, and not yet started.',
      source: WORKER,
    },
    () => {
      expect(verdicts('startup', '--+')).toEqual(['unknown', 'unknown', 'success'])
      expect(verdicts('startup', '---')).toEqual(['unknown', 'unknown', 'failure'])
    },
  )
})

describe('the question', () => {
  lesson(
    'is not asked too early',
    {
      scenario: 'initialDelaySeconds is 5; asked 4 and 5 seconds after the start.',
      rule: 'The delay counts from the start of the container.',
      source: WORKER,
    },
    () => {
      const container = { startedAtMs: NOW, hasStarted: true }
      expect({
        'delay 5 s, after 4 s': isProbeDue('liveness', { initialDelaySeconds: 5 }, container, NOW + 4 * SECOND),
        'delay 5 s, after 5 s': isProbeDue('liveness', { initialDelaySeconds: 5 }, container, NOW + 5 * SECOND),
        'no delay, at once': isProbeDue('readiness', {}, container, NOW),
      }).toEqual({ 'delay 5 s, after 4 s': false, 'delay 5 s, after 5 s': true, 'no delay, at once': true })
    },
  )

  lesson(
    'about the startup comes first, and only until it is answered',
    {
      scenario: 'A slow server with all three probes.',
      rule: 'Until the startup probe has succeeded, the others rest, or a slow start would be taken for a hang; then it rests.',
      source: WORKER,
    },
    () => {
      const due = (kind: ProbeKind, hasStarted: boolean) => isProbeDue(kind, {}, { startedAtMs: NOW, hasStarted }, NOW)
      expect([due('startup', false), due('liveness', false), due('readiness', false)]).toEqual([true, false, false])
      expect([due('startup', true), due('liveness', true), due('readiness', true)]).toEqual([false, true, true])
    },
  )
})
