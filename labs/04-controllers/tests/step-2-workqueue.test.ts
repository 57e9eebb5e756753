/** Step 4.2: a queue of keys that loses nothing, repeats nothing and never hands one key to two workers. */
import { describe, expect } from 'vitest'
import { RateLimiter, TokenBucket } from '#controllers/rate-limiter.ts'
import { Workqueue } from '#controllers/workqueue.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'

const drain = (queue: Workqueue, nowMs = 0): string[] => {
  const taken: string[] = []
  for (let key = queue.take(nowMs); key !== undefined; key = queue.take(nowMs)) taken.push(key)
  return taken
}

describe('the queue', () => {
  lesson(
    'hands keys out in order, each once',
    {
      scenario: 'a, b, a, c, b are added before anybody takes one.',
      rule: 'Fair and stingy: in the order of adding; a key that was added many times is processed once.',
      source: 'client-go util/workqueue/doc.go',
    },
    () => {
      const queue = new Workqueue()
      for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
      expect(queue.length).toBe(3)
      expect(drain(queue)).toEqual(['a', 'b', 'c'])
    },
  )

  lesson(
    'is empty when nothing was added',
    {
      scenario: 'A worker takes from a new queue.',
      rule: 'There is nothing to do, which is not an error.',
      source: 'client-go util/workqueue/queue.go',
    },
    () => expect(new Workqueue().take(0)).toBeUndefined(),
  )

  lesson(
    'never hands out a key that is being processed',
    {
      scenario: 'A worker has taken a; a is added again, twice; another worker asks.',
      rule: 'One at a time: the key waits until done, and then comes once more.',
      source: 'client-go util/workqueue/queue.go: the sets dirty and processing',
    },
    () => {
      const queue = new Workqueue()
      queue.add('a')
      expect(queue.take(0)).toBe('a')
      queue.add('a')
      queue.add('a')
      expect(queue.take(0), 'a second worker').toBeUndefined()
      queue.done('a')
      expect(queue.take(0), 'after done').toBe('a')
      queue.done('a')
      expect(queue.take(0)).toBeUndefined()
    },
  )

  lesson(
    'does not bring a key back that was not added again',
    {
      scenario: 'a is taken and done; and done is called for a key that nobody has taken.',
      rule: 'done ends one look, and starts none.',
      source: 'client-go util/workqueue/queue.go: Done',
    },
    () => {
      const queue = new Workqueue()
      queue.done('never taken')
      queue.add('a')
      expect(queue.take(0)).toBe('a')
      queue.done('a')
      expect(queue.length).toBe(0)
    },
  )
})

describe('adding for later', () => {
  lesson(
    'waits until the time has come',
    {
      scenario: 'At 1000 ms, b is added for 300 ms later and a for 200 ms later.',
      rule: 'A key does not come out before its time; the earliest comes first.',
      source: 'client-go util/workqueue/delaying_queue.go',
    },
    () => {
      const queue = new Workqueue()
      queue.addAfter('b', 1000, 300)
      queue.addAfter('a', 1000, 200)
      expect(queue.nextDueMs()).toBe(1200)
      expect(drain(queue, 1199)).toEqual([])
      expect(drain(queue, 1300)).toEqual(['a', 'b'])
      expect(queue.nextDueMs()).toBeUndefined()
    },
  )

  lesson(
    'keeps the earlier of two times, and needs no time for none',
    {
      scenario: 'a is added for 500 ms later, then for 100 ms later, then for 900 ms later; b is added for 0 ms later.',
      rule: 'Somebody wants a look by the earliest time.',
      source: 'client-go util/workqueue/delaying_queue.go: insert',
    },
    () => {
      const queue = new Workqueue()
      for (const delayMs of [500, 100, 900]) queue.addAfter('a', 0, delayMs)
      queue.addAfter('b', 0, 0)
      expect(drain(queue, 0)).toEqual(['b'])
      expect(drain(queue, 100)).toEqual(['a'])
      queue.done('a')
      expect(drain(queue, 10_000)).toEqual([])
    },
  )
})

describe('the rate limiter', () => {
  lesson(
    "doubles a key's delay with each failure, up to 1000 s",
    {
      scenario: 'One key fails again and again, once an hour; then it succeeds and fails once more.',
      rule: '5 ms, doubling, at most 1000 s; a success starts over. Other keys are not concerned.',
      source: 'client-go util/workqueue: ItemExponentialFailureRateLimiter(5ms, 1000s)',
    },
    () => {
      const limiter = new RateLimiter()
      const delays = Array.from({ length: 20 }, (_, hour) => limiter.delayMs('bad', hour * 3_600_000))
      expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80])
      expect(delays.at(-1)).toBe(1_000_000)
      expect(limiter.delayMs('other', 30 * 3_600_000)).toBe(5)
      limiter.forget('bad')
      expect(limiter.delayMs('bad', 40 * 3_600_000)).toBe(5)
    },
  )

  lesson(
    'lets a burst of 100 through and then 10 a second',
    {
      scenario: '103 tokens are taken at one moment, then one after 2 seconds and one after an hour.',
      rule: 'A bucket of 100 that refills at 10 a second; each taker queues behind those before; it never overflows.',
      source: 'client-go util/workqueue: BucketRateLimiter(rate.Limit(10), 100)',
    },
    () => {
      const bucket = new TokenBucket()
      const waits = Array.from({ length: 103 }, () => Math.round(bucket.reserveMs(0)))
      expect(waits.slice(0, 100).every((wait) => wait === 0)).toBe(true)
      expect(waits.slice(100)).toEqual([100, 200, 300])
      expect(bucket.reserveMs(2_000), 'three were owed, 20 came').toBe(0)
      const later = Array.from({ length: 102 }, () => Math.round(bucket.reserveMs(3_600_000)))
      expect(later.slice(99)).toEqual([0, 100, 200])
    },
  )

  lesson(
    'takes the later of both opinions',
    {
      scenario: '150 different keys fail for the first time at the same moment.',
      rule: 'Each would wait 5 ms by itself, but the bucket makes the last ones wait longer.',
      source: 'client-go util/workqueue: MaxOfRateLimiter',
    },
    () => {
      const limiter = new RateLimiter()
      const delays = Array.from({ length: 150 }, (_, count) => Math.round(limiter.delayMs(`key-${count}`, 0)))
      expect(delays[0]).toBe(5)
      expect(delays[99]).toBe(5)
      expect(delays[149]).toBe(5_000)
    },
  )
})

lesson(
  'whatever workers do, nothing is lost and nothing is processed twice at once',
  {
    scenario: 'Random adds, delayed adds, takes and dones of five keys; in the end everything is drained.',
    rule: 'After each add of a key, some later take hands it out; and never while it is in process.',
    source: 'client-go util/workqueue/doc.go',
  },
  ({ seed }) => {
    for (let round = 1; round <= 300; round++) {
      seed(round)
      const random = createRandom(round)
      const queue = new Workqueue()
      const inProcess = new Set<string>()
      const owed = new Set<string>()
      let nowMs = 0
      for (let turn = 0; turn < 60; turn++) {
        nowMs += random.below(20)
        const key = random.pick(['a', 'b', 'c', 'd', 'e'])
        if (random.chance(0.5)) {
          owed.add(key)
          if (random.chance(0.3)) queue.addAfter(key, nowMs, random.below(30))
          else queue.add(key)
        } else if (random.chance(0.6)) {
          const taken = queue.take(nowMs)
          if (taken !== undefined) {
            expect(inProcess.has(taken), `${taken} handed out twice`).toBe(false)
            inProcess.add(taken)
            owed.delete(taken)
          }
        } else if (inProcess.delete(key)) queue.done(key)
      }
      for (const key of inProcess) queue.done(key)
      for (const key of drain(queue, nowMs + 1_000)) owed.delete(key)
      expect([...owed], 'added and never handed out').toEqual([])
    }
  },
)
