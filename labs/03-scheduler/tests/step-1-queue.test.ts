/** Step 3.1: the scheduling queue. Every call is told the time, in milliseconds. */
import { describe, expect } from 'vitest'
import type { QueuedPod } from '#kit/contracts/scheduling.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { backoffMs, SchedulingQueue } from '#scheduler/queue.ts'
import { pod, queued } from './fixtures.ts'

const QUEUE = 'kube-scheduler backend/queue/scheduling_queue.go'
const MINUTE = 60_000
const name = (one: QueuedPod | undefined) => one?.pod.metadata?.name
/** Who is popped at these times, one after the other: `{ 'popped at 8999 ms': 'nobody', 'popped at 9000 ms': 'web' }`. */
const poppedAt = (queue: SchedulingQueue, ...timesMs: number[]) =>
  Object.fromEntries(timesMs.map((nowMs) => [`popped at ${nowMs} ms`, name(queue.pop(nowMs)) ?? 'nobody']))

describe('back-off', () => {
  lesson(
    'the pause doubles from 1 s to 10 s, and no further',
    {
      scenario: 'A pod fails to be scheduled seven times in a row.',
      rule: 'The pause after the nth failure is 1 s × 2ⁿ⁻¹, at most 10 s.',
      source: 'kube-scheduler podInitialBackoffSeconds, podMaxBackoffSeconds',
    },
    () => {
      expect([1, 2, 3, 4, 5, 6, 7].map(backoffMs)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000, 10_000])
    },
  )
})

describe('the active pods', () => {
  lesson(
    'an empty queue has nobody to try',
    {
      scenario: 'Nothing waits.',
      rule: 'pop never waits: it answers undefined, and the loop sleeps.',
      source: QUEUE,
    },
    () => {
      expect({ popped: new SchedulingQueue().pop(0) }).toEqual({ popped: undefined })
    },
  )

  lesson(
    'pods are tried in the order in which they came',
    {
      scenario: 'Three pods of the same priority arrive one after the other.',
      rule: 'Among equal priorities, the pod that has waited longer goes first; among equal times, the first that came.',
      source: 'kube-scheduler plugins/queuesort',
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('first'), 1000)
      queue.add(pod('second'), 2000)
      queue.add(pod('third'), 2000)
      expect([queue.pop(3000), queue.pop(3000), queue.pop(3000), queue.pop(3000)].map(name)).toEqual([
        'first',
        'second',
        'third',
        undefined,
      ])
    },
  )

  lesson(
    'a pod of higher priority goes first',
    {
      scenario: 'Pods of priority 0 wait. Then a pod of priority 1000 arrives.',
      rule: 'A higher priority goes before a longer wait.',
      source: 'kube-scheduler plugins/queuesort',
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('early'), 1000)
      queue.add(pod('vital', { priority: 1000 }), 9000)
      queue.add(pod('late'), 9000)
      expect([queue.pop(9000), queue.pop(9000), queue.pop(9000)].map(name)).toEqual(['vital', 'early', 'late'])
    },
  )

  lesson(
    'a pod that is reported again is in the queue once, with its newest content',
    {
      scenario: 'A pod waits. Before its turn comes, its labels change, so the watch reports it again.',
      rule: 'A pod is in at most one place; what is reported again replaces what was known.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('web'), 0)
      queue.add(pod('web', {}, { app: 'web' }), 10)
      const { metadata } = queue.pop(20)?.pod ?? {}
      expect({ popped: metadata?.name, labels: metadata?.labels }).toEqual({ popped: 'web', labels: { app: 'web' } })
      expect({ 'popped after it': name(queue.pop(20)) }).toEqual({ 'popped after it': undefined })
    },
  )

  lesson(
    'a popped pod carries the number of its attempts, the present one included',
    {
      scenario: 'A pod is tried, fails, and is tried again.',
      rule: 'pop counts the attempt that it hands out; otherwise the back-off never grows.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('web'), 0)
      const first = queue.pop(0)!
      queue.retryLater(first, 0, 'error')
      const second = queue.pop(1000)
      expect([first, second].map((one) => ({ popped: name(one), attempts: one?.attempts }))).toEqual([
        { popped: 'web', attempts: 1 },
        { popped: 'web', attempts: 2 },
      ])
    },
  )

  lesson(
    'a pod has waited since it came, or since it last failed',
    {
      scenario: 'A pod fails at 5 s, and its pause ends at 6 s. At 7 s a new pod arrives. At 8 s both are active.',
      rule: 'sinceMs of a new pod is the time of add, of a failed one the time of retryLater: the failed pod has waited longer.',
      source: 'kube-scheduler plugins/queuesort',
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('failed-at-5s')), 5000, 'error')
      queue.add(pod('new-at-7s'), 7000)
      expect([queue.pop(8000), queue.pop(8000)].map((one) => ({ popped: name(one), sinceMs: one?.sinceMs }))).toEqual([
        { popped: 'failed-at-5s', sinceMs: 5000 },
        { popped: 'new-at-7s', sinceMs: 7000 },
      ])
    },
  )
})

describe('a pod whose attempt failed', () => {
  lesson(
    'a pod backs off after an error, and comes back by itself',
    {
      scenario: 'The API server refuses a binding at 5 s. It was the third attempt, so the pause is 4 s.',
      rule: 'After an error a pod becomes active again when its back-off ends, without any event.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('web'), { attempts: 3 }), 5000, 'error')
      expect({ nextDueMs: queue.nextDueMs() }).toEqual({ nextDueMs: 9000 })
      expect(poppedAt(queue, 8999, 9000)).toEqual({ 'popped at 8999 ms': 'nobody', 'popped at 9000 ms': 'web' })
    },
  )

  lesson(
    'a pod that fitted nowhere waits for a change in the cluster',
    {
      scenario: 'A pod fits on no node. Time passes; nothing happens in the cluster.',
      rule: 'An unschedulable pod is not tried again just because time passes (until the safety net after five minutes).',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('huge')), 0, 'unschedulable')
      expect(queue.sizes()).toEqual({ active: 0, backoff: 0, unschedulable: 1 })
      expect(poppedAt(queue, 30_000, 5 * MINUTE - 1, 5 * MINUTE)).toEqual({
        'popped at 30000 ms': 'nobody',
        'popped at 299999 ms': 'nobody',
        'popped at 300000 ms': 'huge',
      })
    },
  )

  lesson(
    'an unschedulable pod is tried at once when a change comes after its pause',
    {
      scenario: 'A pod fitted nowhere at 0 s. At 20 s a node joins the cluster.',
      rule: 'moveAll makes an unschedulable pod active when its pause is over.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('huge')), 0, 'unschedulable')
      queue.moveAll(20_000)
      expect(queue.sizes()).toEqual({ active: 1, backoff: 0, unschedulable: 0 })
      expect(poppedAt(queue, 20_000)).toEqual({ 'popped at 20000 ms': 'huge' })
    },
  )

  lesson(
    'an unschedulable pod waits for the rest of its pause when a change is early',
    {
      scenario: 'A pod failed for the fourth time at 0 s, so its pause is 8 s. At 3 s a node joins the cluster.',
      rule: 'moveAll never cuts a pause short: in a busy cluster events come by the thousand.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('huge'), { attempts: 4 }), 0, 'unschedulable')
      queue.moveAll(3000)
      expect(queue.sizes()).toEqual({ active: 0, backoff: 1, unschedulable: 0 })
      expect(poppedAt(queue, 7999, 8000)).toEqual({ 'popped at 7999 ms': 'nobody', 'popped at 8000 ms': 'huge' })
    },
  )

  lesson(
    'a failed pod does not miss a change that came during its attempt',
    {
      scenario: 'A pod is popped. While it is tried, a node joins. The attempt, which did not see that node, fails.',
      rule: 'If moveAll was called since the pod was popped, the pod backs off instead of waiting for another change.',
      source: `${QUEUE} (moveRequestCycle)`,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('web'), 0)
      const attempt = queue.pop(0)!
      queue.moveAll(1)
      queue.retryLater(attempt, 2, 'unschedulable')
      expect(queue.sizes()).toEqual({ active: 0, backoff: 1, unschedulable: 0 })
    },
  )

  lesson(
    'a failed pod does not take an old change for a new one',
    {
      scenario: 'A node joins; then a pod is popped, tried with that node in view, and fits nowhere.',
      rule: 'Only changes since the pop count; otherwise every failed pod would be tried again and again.',
      source: `${QUEUE} (moveRequestCycle)`,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('web'), 0)
      queue.moveAll(1)
      queue.retryLater(queue.pop(2)!, 3, 'unschedulable')
      expect(queue.sizes()).toEqual({ active: 0, backoff: 0, unschedulable: 1 })
    },
  )

  lesson(
    'an unschedulable pod is woken by its spec, not by its status',
    {
      scenario: 'An unschedulable pod gets a condition from the scheduler itself; later its user adds a toleration.',
      rule: 'A change of spec or labels wakes an unschedulable pod, a change of status does not: the scheduler writes that itself.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('web')), 0, 'unschedulable')
      queue.add({ ...pod('web'), status: { conditions: [{ type: 'PodScheduled', status: 'False' }] } }, 20_000)
      expect(queue.sizes()).toEqual({ active: 0, backoff: 0, unschedulable: 1 })
      queue.add(pod('web', { tolerations: [{ operator: 'Exists' }] }), 30_000)
      expect(queue.sizes()).toEqual({ active: 1, backoff: 0, unschedulable: 0 })
      expect({ tolerations: queue.pop(30_000)?.pod.spec?.tolerations }).toEqual({
        tolerations: [{ operator: 'Exists' }],
      })
    },
  )

  lesson(
    'a pod that is changed while it waits keeps its attempts and its pause',
    {
      scenario:
        'A pod failed for the fourth time at 0 s, so its pause is 8 s. Something patches its labels at 1 s and at 2 s.',
      rule: 'add replaces what a known pod looks like, not what the queue remembers of it: else a pod that is patched often never backs off.',
      source: QUEUE,
    },
    () => {
      for (const why of ['error', 'unschedulable'] as const) {
        const queue = new SchedulingQueue()
        queue.retryLater(queued(pod('web'), { attempts: 4 }), 0, why)
        queue.add(pod('web', {}, { patched: 'once' }), 1000)
        queue.add(pod('web', {}, { patched: 'twice' }), 2000)
        const early = name(queue.pop(7999)) ?? 'nobody'
        const due = queue.pop(8000)
        expect({ why, 'popped at 7999 ms': early, 'popped at 8000 ms': name(due), attempts: due?.attempts }).toEqual({
          why,
          'popped at 7999 ms': 'nobody',
          'popped at 8000 ms': 'web',
          attempts: 5,
        })
      }
    },
  )

  lesson(
    'a deleted pod is forgotten, wherever it waits',
    {
      scenario: 'One pod is active, one backs off, one is unschedulable. All three are deleted.',
      rule: 'A deleted pod is nowhere in the queue.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('a'), 0)
      queue.retryLater(queued(pod('b')), 0, 'error')
      queue.retryLater(queued(pod('c')), 0, 'unschedulable')
      for (const key of ['default/a', 'default/b', 'default/c']) queue.remove(key)
      expect(queue.sizes()).toEqual({ active: 0, backoff: 0, unschedulable: 0 })
      expect(poppedAt(queue, 10 * MINUTE)).toEqual({ 'popped at 600000 ms': 'nobody' })
    },
  )
})

describe('any sequence of calls', () => {
  lesson(
    'no pod is lost, none is doubled, and none waits for ever',
    {
      scenario: 'For two simulated hours, pods are added, popped, returned and woken at random; then all is quiet.',
      rule: 'Every pod that was added and not finished is in exactly one place, and comes out in the end.',
      source: QUEUE,
    },
    (context) => {
      const seed = 3101
      context.seed(seed)
      const random = createRandom(seed)
      const queue = new SchedulingQueue()
      const open = new Set<string>()
      let nowMs = 0
      for (let round = 0; round < 2000; round++) {
        nowMs += random.below(7200)
        if (random.chance(0.4)) {
          const one = pod(`p${random.below(30)}`, { priority: random.below(3) })
          open.add(one.metadata!.name!)
          queue.add(one, nowMs)
        }
        if (random.chance(0.2)) queue.moveAll(nowMs)
        const popped = queue.pop(nowMs)
        if (!popped) continue
        expect({ round, popped: name(popped), 'is waiting': open.has(name(popped)!) }).toEqual({
          round,
          popped: name(popped),
          'is waiting': true,
        })
        if (random.chance(0.2)) queue.moveAll(nowMs)
        if (random.chance(0.3)) open.delete(name(popped)!)
        else queue.retryLater(popped, nowMs, random.chance(0.5) ? 'error' : 'unschedulable')
        const { active, backoff, unschedulable } = queue.sizes()
        expect({ round, 'pods in the queue': active + backoff + unschedulable }).toEqual({
          round,
          'pods in the queue': open.size,
        })
      }
      nowMs += 10 * MINUTE
      const left = new Set<string | undefined>()
      for (let popped = queue.pop(nowMs); popped; popped = queue.pop(nowMs)) left.add(name(popped))
      expect({ 'popped at last': [...left].sort() }).toEqual({ 'popped at last': [...open].sort() })
    },
  )
})
