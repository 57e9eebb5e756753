/** Step 5.4: patience with containers that keep crashing. */
import { describe, expect } from 'vitest'
import { lesson } from '#kit/testing/lesson.ts'
import { Backoff, decideStart } from '#kubelet/backoff.ts'
import { MINUTE, NOW, SECOND } from './fixtures.ts'

const BACKOFF = 'client-go util/flowcontrol/backoff.go'
const DO_BACKOFF = 'kubernetes kuberuntime_manager.go, doBackOff'

const main = { podName: 'web', podNamespace: 'default', podUid: 'uid-1', containerName: 'main', containerHash: 'h1' }

describe('the pause', () => {
  lesson(
    'doubles from ten seconds to five minutes',
    {
      scenario: 'A key fails eight times, each time as soon as its pause is over.',
      rule: '10, 20, 40, 80, 160 seconds, then 300 and no more.',
      source: BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      let nowMs = NOW
      const pauses = Array.from({ length: 8 }, () => {
        backoff.next('key', nowMs, nowMs)
        const pauseMs = backoff.remainingMs('key', nowMs, nowMs)
        nowMs += pauseMs
        return pauseMs / SECOND
      })
      expect(pauses).toEqual([10, 20, 40, 80, 160, 300, 300, 300])
    },
  )

  lesson(
    'counts from the failure, not from when one asks',
    {
      scenario: 'The pause is 10 seconds; 4 of them have passed since the container ended.',
      rule: 'What remains is the pause minus the time since the failure, and never below zero.',
      source: BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      backoff.next('key', NOW, NOW)
      expect(backoff.remainingMs('key', NOW, NOW + 4 * SECOND)).toBe(6 * SECOND)
      expect(backoff.remainingMs('key', NOW, NOW + 60 * SECOND)).toBe(0)
    },
  )

  lesson(
    'does not exist for a key that never failed',
    {
      scenario: 'Another container has failed often. This one has not.',
      rule: 'Keys do not know of each other.',
      source: BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      expect(backoff.remainingMs('key', NOW, NOW)).toBe(0)
      backoff.next('other', NOW, NOW)
      expect(backoff.remainingMs('key', NOW, NOW)).toBe(0)
    },
  )

  lesson(
    'is forgotten after ten good minutes',
    {
      scenario: 'The pause had grown to 40 seconds. The container then ran for eleven minutes before it failed again.',
      rule: 'More than twice the longest pause between a start and the next failure: the count begins anew.',
      source: BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      for (const seconds of [0, 10, 30]) backoff.next('key', NOW + seconds * SECOND, NOW + seconds * SECOND)
      expect(backoff.pauseMs('key')).toBe(40 * SECOND)
      const failedMs = NOW + 30 * SECOND + 11 * MINUTE
      expect(backoff.remainingMs('key', failedMs, failedMs)).toBe(0)
      backoff.next('key', failedMs, failedMs)
      expect(backoff.pauseMs('key')).toBe(10 * SECOND)
    },
  )

  lesson(
    'is remembered after nine',
    {
      scenario: 'As before, but the container ran for only nine minutes.',
      rule: 'Ten minutes are needed to be forgiven.',
      source: BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      backoff.next('key', NOW, NOW)
      const failedMs = NOW + 9 * MINUTE
      expect(backoff.remainingMs('key', failedMs, failedMs)).toBe(10 * SECOND)
      backoff.next('key', failedMs, failedMs)
      expect(backoff.pauseMs('key')).toBe(20 * SECOND)
    },
  )
})

describe('the ten minutes', () => {
  /** A pause of 80 s, set at `NOW`; the container then runs for nine and a half minutes and crashes. */
  const crashedInTime = () => {
    const backoff = new Backoff()
    for (const agoMs of [70, 60, 40, 0].map((seconds) => seconds * SECOND))
      backoff.next('key', NOW - agoMs, NOW - agoMs)
    return { backoff, failedMs: NOW + 9.5 * MINUTE }
  }

  lesson(
    'end with the failure: waiting earns no forgiveness',
    {
      scenario:
        'The pause is 80 seconds. The container runs for nine and a half minutes, crashes, and is looked at again 40 seconds later.',
      rule: 'What counts is how long it ran, from its start to its failure, and not how much time has passed by now.',
      source: BACKOFF,
    },
    () => {
      const { backoff, failedMs } = crashedInTime()
      const lookMs = failedMs + 40 * SECOND
      expect({ 'still to wait, in ms': backoff.remainingMs('key', failedMs, lookMs) }).toEqual({
        'still to wait, in ms': 40 * SECOND,
      })
    },
  )

  lesson(
    'end with the failure for the next pause, too',
    {
      scenario: 'The same container, when it has waited its 80 seconds and starts again.',
      rule: 'It was not forgiven, so the pause doubles; `next` decides by the same rule as `remainingMs`.',
      source: BACKOFF,
    },
    () => {
      const { backoff, failedMs } = crashedInTime()
      backoff.next('key', failedMs, failedMs + 80 * SECOND)
      expect({ 'next pause, in ms': backoff.pauseMs('key') }).toEqual({ 'next pause, in ms': 160 * SECOND })
    },
  )
})

describe('a start', () => {
  lesson(
    'is free the first time, and the first restart too',
    {
      scenario: 'A container starts, crashes at once, and starts again.',
      rule: 'A first start is no restart. The first restart does not wait, but it sets the pause for the second.',
      source: DO_BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      const start = (lastFinishedMs: number | undefined, nowMs: number) =>
        decideStart(backoff, main, lastFinishedMs, nowMs).start
      expect({
        'first start': start(undefined, NOW),
        'first restart': start(NOW + SECOND, NOW + SECOND),
        'second restart': start(NOW + 2 * SECOND, NOW + 2 * SECOND),
      }).toEqual({ 'first start': true, 'first restart': true, 'second restart': false })
    },
  )

  lesson(
    'that has to wait says why, and for how long',
    {
      scenario: 'The second restart, three seconds after the crash.',
      rule: 'kubectl shows CrashLoopBackOff; the message names pause, container and pod.',
      source: DO_BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      decideStart(backoff, main, NOW, NOW)
      expect(decideStart(backoff, main, NOW + SECOND, NOW + 4 * SECOND)).toEqual({
        start: false,
        reason: 'CrashLoopBackOff',
        message: 'back-off 10s restarting failed container=main pod=web_default(uid-1)',
        retryAfterMs: 7 * SECOND,
      })
    },
  )

  lesson(
    'is not counted while it waits',
    {
      scenario: 'The kubelet looks at the pod every second while it waits.',
      rule: 'Only a real start lengthens the pause. Looking must not.',
      source: DO_BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      decideStart(backoff, main, NOW, NOW)
      for (let second = 1; second < 10; second++) decideStart(backoff, main, NOW, NOW + second * SECOND)
      expect(decideStart(backoff, main, NOW, NOW + 10 * SECOND)).toEqual({ start: true })
      expect(decideStart(backoff, main, NOW + 10 * SECOND, NOW + 11 * SECOND)).toMatchObject({
        retryAfterMs: 19 * SECOND,
      })
    },
  )

  lesson(
    'of a corrected container does not wait',
    {
      scenario: 'A container crashes because of a wrong image. The image is changed.',
      rule: 'The key holds the hash of the spec: other specs, other containers and other pods have slates of their own.',
      source: DO_BACKOFF,
    },
    () => {
      const backoff = new Backoff()
      decideStart(backoff, main, NOW, NOW)
      const start = (changes: object) => decideStart(backoff, { ...main, ...changes }, NOW, NOW).start
      expect({
        'the same again': start({}),
        'another spec': start({ containerHash: 'h2' }),
        'another container': start({ containerName: 'side' }),
        'another pod': start({ podUid: 'uid-2' }),
      }).toEqual({ 'the same again': false, 'another spec': true, 'another container': true, 'another pod': true })
    },
  )
})
