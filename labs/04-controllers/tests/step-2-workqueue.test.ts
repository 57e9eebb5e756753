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
      expect({ length: queue.length, 'handed out': drain(queue) }).toEqual({
        length: 3,
        'handed out': ['a', 'b', 'c'],
      })
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
      expect({ 'handed out afterwards': drain(queue) }).toEqual({ 'handed out afterwards': [] })
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
      expect({
        'next due': queue.nextDueMs(),
        'taken at 1199 ms': drain(queue, 1199),
        'taken at 1300 ms': drain(queue, 1300),
        'next due then': queue.nextDueMs(),
      }).toEqual({
        'next due': 1200,
        'taken at 1199 ms': [],
        'taken at 1300 ms': ['a', 'b'],
        'next due then': undefined,
      })
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
      expect(drain(queue, 0), 'taken at 0 ms').toEqual(['b'])
      expect(drain(queue, 100), 'taken at 100 ms').toEqual(['a'])
      queue.done('a')
      expect(drain(queue, 10_000), 'taken much later').toEqual([])
    },
  )
})

lesson(
  'a look now does not replace the look that was asked for later',
  {
    scenario: 'a is added for 500 ms later, then at once; it is taken and done at 100 ms.',
    rule: 'Whoever asked for later had a reason, such as a time that must have passed: that look is still owed.',
    source: 'client-go util/workqueue/delaying_queue.go: Add does not touch what waits',
  },
  () => {
    const queue = new Workqueue()
    queue.addAfter('a', 0, 500)
    queue.add('a')
    expect(drain(queue, 100), 'taken at 100 ms').toEqual(['a'])
    queue.done('a')
    expect({ 'next due': queue.nextDueMs(), 'taken at 500 ms': drain(queue, 500) }).toEqual({
      'next due': 500,
      'taken at 500 ms': ['a'],
    })
  },
)

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
      const other = limiter.delayMs('other', 30 * 3_600_000)
      limiter.forget('bad')
      expect({
        'the first five': delays.slice(0, 5),
        'the twentieth': delays.at(-1),
        'of another key': other,
        'after a success': limiter.delayMs('bad', 40 * 3_600_000),
      }).toEqual({
        'the first five': [5, 10, 20, 40, 80],
        'the twentieth': 1_000_000,
        'of another key': 5,
        'after a success': 5,
      })
    },
  )

  lesson(
    'lets a burst of 100 through and then 10 a second',
    {
      scenario: '103 tokens are taken at one moment, then one after 2 seconds and 102 after an hour.',
      rule: 'A bucket of 100 that refills at 10 a second; each taker queues behind those before; it never overflows.',
      source: 'client-go util/workqueue: BucketRateLimiter(rate.Limit(10), 100)',
    },
    () => {
      const bucket = new TokenBucket()
      const waits = Array.from({ length: 103 }, () => Math.round(bucket.reserveMs(0)))
      const afterTwoSeconds = bucket.reserveMs(2_000)
      const later = Array.from({ length: 102 }, () => Math.round(bucket.reserveMs(3_600_000)))
      expect({
        'the longest wait of the first 100': Math.max(...waits.slice(0, 100)),
        'the next three': waits.slice(100),
        'after 2 s: three were owed, 20 came': afterTwoSeconds,
        'after an hour, the 100th to the 102nd': later.slice(99),
      }).toEqual({
        'the longest wait of the first 100': 0,
        'the next three': [100, 200, 300],
        'after 2 s: three were owed, 20 came': 0,
        'after an hour, the 100th to the 102nd': [0, 100, 200],
      })
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
      expect({ first: delays[0], '100th': delays[99], '101st': delays[100], '150th': delays[149] }).toEqual({
        first: 5,
        '100th': 5,
        '101st': 100,
        '150th': 5_000,
      })
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
