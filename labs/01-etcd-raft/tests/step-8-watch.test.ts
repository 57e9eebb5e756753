import { describe, expect } from 'vitest'
import { MvccStore } from '#etcd/mvcc/store.ts'
import type { Change, KeyEvent, WatchCreateRequest } from '#etcd/mvcc/types.ts'
import { openWatcher, seenEvent, stepWatcher, type Watcher } from '#etcd/watch/watcher.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { deleteRequest, putRequest, seeds, watchRequest } from './fixtures.ts'

const put = (key: string, revision: number): KeyEvent => ({
  type: 'PUT',
  kv: { key, createRevision: revision, modRevision: revision, version: 1, value: '', lease: '0' },
})
const change = (revision: number, ...keys: string[]): Change => ({
  revision,
  events: keys.map((key) => put(key, revision)),
})
const all = { key: 'a', rangeEnd: '\0' }

/** A watcher of everything (or of `range`) that has got as far as `nextRevision`. */
function watcherAt(nextRevision: number, range: { key: string; rangeEnd?: string } = all): Watcher {
  return { request: watchRequest(range), nextRevision }
}

/** What a step reports, in words. */
function told(watcher: Watcher, history: Parameters<typeof stepWatcher>[1]): string {
  const step = stepWatcher(watcher, history)
  if (step.kind === 'compacted') return `compacted at ${step.compactRevision}`
  const events = step.events.map(({ kv }) => `${kv.key}@${kv.modRevision}`).join(' ')
  return `${events} | next ${step.next.nextRevision}`
}

describe('openWatcher', () => {
  lesson(
    'begins where the client says, or with what comes next',
    {
      scenario:
        'The store is at revision 7. Clients watch without a revision, from an old one, and from one that is yet to come.',
      rule: 'start_revision is the first revision to report; none means "from now on".',
      source: 'etcd rpc.proto, WatchCreateRequest',
    },
    () => {
      const first = (different: object) => openWatcher(watchRequest({ ...all, ...different }), 7).nextRevision
      expect({
        'none given': first({}),
        'from 3': first({ startRevision: 3 }),
        'from 12': first({ startRevision: 12 }),
      }).toEqual({ 'none given': 8, 'from 3': 3, 'from 12': 12 })
    },
  )
})

describe('seenEvent', () => {
  const before = put('k', 4).kv
  const event: KeyEvent = { ...put('k', 9), prevKv: before }
  const deletion: KeyEvent = { type: 'DELETE', kv: put('k', 9).kv, prevKv: before }
  const seen = (request: Partial<WatchCreateRequest>, one = event, compactRevision = -1) =>
    seenEvent(watchRequest({ key: 'k', ...request }), one, compactRevision)

  lesson(
    'passes what lies in the range and no filter keeps back',
    {
      scenario: 'A put and a delete of key "k" meet watchers of other keys, of prefixes, and with filters.',
      rule: 'A watcher sees the events of its range; NOPUT keeps back puts, NODELETE deletions.',
      source: 'etcd rpc.proto, WatchCreateRequest.filters',
    },
    () => {
      expect(seen({ key: 'j' })).toBeUndefined()
      expect(seen({ key: 'j', rangeEnd: 'l' })).toMatchObject({ type: 'PUT', kv: { key: 'k' } })
      expect(seen({ filters: ['NOPUT'] })).toBeUndefined()
      expect(seen({ filters: ['NOPUT'] }, deletion)).toMatchObject({ type: 'DELETE' })
      expect(seen({ filters: ['NODELETE'] }, deletion)).toBeUndefined()
      expect(seen({ filters: ['NOPUT', 'NODELETE'] }, deletion)).toBeUndefined()
    },
  )

  lesson(
    'shows what was there before only to those who ask, and only while it is known',
    {
      scenario: 'Key "k" was put at 4 and at 9. The store is then compacted at 8, at 9.',
      rule: 'prev_kv is the key at the revision before the event; once that is compacted, nothing is given.',
      source: 'etcd rpc.proto, WatchCreateRequest.prev_kv',
    },
    () => {
      expect(seen({})).not.toHaveProperty('prevKv')
      expect(seen({ prevKv: true })?.prevKv).toEqual(before)
      expect(seen({ prevKv: true }, event, 8)?.prevKv).toEqual(before)
      expect(seen({ prevKv: true }, event, 9)).not.toHaveProperty('prevKv')
      expect(event.prevKv, 'the history itself').toEqual(before)
    },
  )
})

describe('stepWatcher', () => {
  lesson(
    'reports what is next, in order, and moves past it',
    {
      scenario: 'A watcher of everything, next revision 4, is shown revisions 4 to 6 of a store that is at 9.',
      rule: 'Ordered and reliable: every event from the next revision on, by revision; then on from there.',
      source: 'etcd, "API guarantees", Watch',
    },
    () => {
      const changes = [change(4, 'a'), change(5, 'b', 'c'), change(6, 'a')]
      const watcher = watcherAt(4)
      expect(told(watcher, { revision: 9, compactRevision: -1, changes })).toBe('a@4 b@5 c@5 a@6 | next 7')
    },
  )

  lesson(
    'moves on even when nothing concerned it',
    {
      scenario: 'A watcher of key "z" is shown revisions 4 to 6, then told that there is nothing more up to 9.',
      rule: 'A watcher that saw nothing has still got further: it must not be caught by compaction, nor look again.',
      source: 'etcd server/storage/mvcc/watchable_store.go',
    },
    () => {
      const watcher = watcherAt(4, { key: 'z' })
      const changes = [change(4, 'a'), change(6, 'b')]
      expect(told(watcher, { revision: 9, compactRevision: -1, changes })).toBe(' | next 7')
      expect(told(watcher, { revision: 9, compactRevision: -1, changes: [] })).toBe(' | next 10')
    },
  )

  lesson(
    'reports nothing twice, and nothing before its start',
    {
      scenario:
        'A watcher whose next revision is 6 is shown a history that begins at 4; another waits for revision 20.',
      rule: 'Unique: an event is delivered at most once; a watcher never moves back.',
      source: 'etcd, "API guarantees", Watch',
    },
    () => {
      const changes = [change(4, 'a'), change(6, 'b')]
      const history = { revision: 6, compactRevision: -1, changes }
      expect(told(watcherAt(6), history)).toBe('b@6 | next 7')
      expect(told(watcherAt(20), history)).toBe(' | next 20')
    },
  )

  lesson(
    'ends when what it needs is compacted, rather than skip it',
    {
      scenario: 'The store is compacted at 8. Watchers have 7, 8 and 9 as their next revision.',
      rule: 'A watch that cannot be complete is cancelled, with the compacted revision, so that the client lists again.',
      source: 'etcd rpc.proto, WatchResponse.compact_revision',
    },
    () => {
      const history = { revision: 9, compactRevision: 8, changes: [change(8, 'a'), change(9, 'b')] }
      const from = (startRevision: number) => told(watcherAt(startRevision), history)
      expect(from(7)).toBe('compacted at 8')
      expect(from(8)).toBe('a@8 b@9 | next 10')
      expect(from(9)).toBe('b@9 | next 10')
    },
  )
})

describe('a watch on a busy store', () => {
  lesson(
    'makes the same copy of the store, however irregularly it is served',
    {
      scenario:
        'Random writes; a watcher from revision 1 is moved on now and then, a few revisions at a time, and applies what it is told to a copy.',
      rule: 'Ordered, unique, reliable, atomic: whoever applies the events has the store.',
      source: 'etcd, "API guarantees", Watch',
    },
    ({ seed }) => {
      for (const number of seeds(20)) {
        seed(number)
        const random = createRandom(number)
        const store = new MvccStore()
        const copy = new Map<string, string>()
        let watcher = openWatcher(watchRequest({ ...all, startRevision: 1 }), 1)
        const serve = (limit: number) => {
          const { revision, compactRevision } = store
          const changes = store.changesFrom(watcher.nextRevision, limit)
          const step = stepWatcher(watcher, { revision, compactRevision, changes })
          if (step.kind === 'compacted') throw new Error('nothing was compacted')
          for (const { type, kv } of step.events) {
            if (type === 'PUT') copy.set(kv.key, kv.value)
            else expect(copy.delete(kv.key), `${kv.key} is deleted, but the copy has it not; seed ${number}`).toBe(true)
          }
          watcher = step.next
        }
        for (let write = 0; write < 150; write++) {
          const key = `k${random.below(10)}`
          if (random.chance(0.3)) store.deleteRange(deleteRequest(key, { rangeEnd: `${key}~` }))
          else store.put(putRequest(key, String(write)))
          if (random.chance(0.2)) serve(1 + random.below(5))
        }
        serve(1000)
        const held = [...store.keysIn(all)].flatMap((key) => store.get(key) ?? []).map(({ key, value }) => [key, value])
        expect([...copy].sort(), `seed ${number}`).toEqual(held)
        expect(watcher.nextRevision).toBe(store.revision + 1)
      }
    },
  )
})
