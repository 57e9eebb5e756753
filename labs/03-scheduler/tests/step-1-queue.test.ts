/** Step 3.1: the scheduling queue. Every call is told the time, in milliseconds. */
import { describe, expect } from 'vitest'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { backoffMs, SchedulingQueue } from '#scheduler/queue.ts'
import { pod, queued } from './fixtures.ts'

const QUEUE = 'kube-scheduler backend/queue/scheduling_queue.go'
const name = (one: { pod: { metadata?: { name?: string } } } | undefined) => one?.pod.metadata?.name
const MINUTE = 60_000

describe('back-off', () => {
  lesson(
    'doubles the pause from 1 s to 10 s, and no further',
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
    'are none in an empty queue',
    {
      scenario: 'Nothing waits.',
      rule: 'pop never waits: it answers undefined, and the loop sleeps.',
      source: QUEUE,
    },
    () => {
      expect(new SchedulingQueue().pop(0)).toBeUndefined()
    },
  )

  lesson(
    'are tried in the order in which they came',
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
    'let a higher priority go first',
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
    'are in the queue once, with their newest content',
    {
      scenario: 'A pod waits. Before its turn comes, its labels change, so the watch reports it again.',
      rule: 'A pod is in at most one place; what is reported again replaces what was known.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('web'), 0)
      queue.add(pod('web', {}, { app: 'web' }), 10)
      expect(queue.pop(20)?.pod.metadata?.labels).toEqual({ app: 'web' })
      expect(queue.pop(20)).toBeUndefined()
    },
  )

  lesson(
    'carry the number of attempts, the present one included',
    {
      scenario: 'A pod is tried, fails, and is tried again.',
      rule: 'pop counts the attempt that it hands out; otherwise the back-off never grows.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.add(pod('web'), 0)
      const first = queue.pop(0)!
      expect(first.attempts).toBe(1)
      queue.retryLater(first, 0, 'error')
      expect(queue.pop(1000)?.attempts).toBe(2)
    },
  )
})

describe('a pod whose attempt failed', () => {
  lesson(
    'backs off after an error, and comes back by itself when the pause is over',
    {
      scenario: 'The API server refuses a binding at 5 s. It was the third attempt, so the pause is 4 s.',
      rule: 'After an error a pod becomes active again when its back-off ends, without any event.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('web'), { attempts: 3 }), 5000, 'error')
      expect(queue.nextDueMs()).toBe(9000)
      expect(queue.pop(8999)).toBeUndefined()
      expect(name(queue.pop(9000))).toBe('web')
    },
  )

  lesson(
    'waits for a change in the cluster when it fitted nowhere',
    {
      scenario: 'A pod fits on no node. Time passes; nothing happens in the cluster.',
      rule: 'An unschedulable pod is not tried again just because time passes (until the safety net after five minutes).',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('huge')), 0, 'unschedulable')
      expect(queue.sizes()).toEqual({ active: 0, backoff: 0, unschedulable: 1 })
      expect(queue.pop(30_000)).toBeUndefined()
      expect(queue.pop(5 * MINUTE - 1)).toBeUndefined()
      expect(name(queue.pop(5 * MINUTE))).toBe('huge')
    },
  )

  lesson(
    'is tried at once when the change comes after its pause',
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
      expect(name(queue.pop(20_000))).toBe('huge')
    },
  )

  lesson(
    'waits for the rest of its pause when the change comes early',
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
      expect(queue.pop(7999)).toBeUndefined()
      expect(name(queue.pop(8000))).toBe('huge')
    },
  )

  lesson(
    'does not miss a change that came during the attempt',
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
    'does not take an old change for a new one',
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
    'gets another chance when its own spec changes, but not when only its status does',
    {
      scenario: 'An unschedulable pod gets a condition from the scheduler itself; later its user adds a toleration.',
      rule: 'A change of spec or labels wakes an unschedulable pod, a change of status does not: the scheduler writes that itself.',
      source: QUEUE,
    },
    () => {
      const queue = new SchedulingQueue()
      queue.retryLater(queued(pod('web')), 0, 'unschedulable')
      queue.add({ ...pod('web'), status: { conditions: [{ type: 'PodScheduled', status: 'False' }] } }, 20_000)
      expect(queue.sizes().unschedulable).toBe(1)
      queue.add(pod('web', { tolerations: [{ operator: 'Exists' }] }), 30_000)
      expect(queue.pop(30_000)?.pod.spec?.tolerations).toHaveLength(1)
    },
  )

  lesson(
    'is forgotten when it is deleted, wherever it waits',
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
      expect(queue.pop(10 * MINUTE)).toBeUndefined()
    },
  )
})

describe('any sequence of calls', () => {
  lesson(
    'loses no pod, doubles none, and keeps none waiting for ever',
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
        expect(open).toContain(name(popped))
        if (random.chance(0.2)) queue.moveAll(nowMs)
        if (random.chance(0.3)) open.delete(name(popped)!)
        else queue.retryLater(popped, nowMs, random.chance(0.5) ? 'error' : 'unschedulable')
        const { active, backoff, unschedulable } = queue.sizes()
        expect(active + backoff + unschedulable).toBe(open.size)
      }
      nowMs += 10 * MINUTE
      const left = new Set<string | undefined>()
      for (let popped = queue.pop(nowMs); popped; popped = queue.pop(nowMs)) left.add(name(popped))
      expect(left).toEqual(open)
    },
  )
})
