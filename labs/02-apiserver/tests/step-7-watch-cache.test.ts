/** Step 2.7: the watch cache. */
import { describe, expect } from 'vitest'
import { type CacheChange, selectChange, WatchCache } from '#apiserver/storage/watch-cache.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { randomFor, stored } from './fixtures.ts'

const SOURCE = 'apiserver pkg/storage/cacher/watch_cache.go'

/** A change of the object called `name` at this revision. */
function change(type: CacheChange['type'], name: string, revision: number): CacheChange {
  return { type, key: `/registry/pods/${name}`, revision, object: stored({ name, resourceVersion: String(revision) }) }
}

function cacheWith(capacity: number, changes: readonly CacheChange[], from = 10): WatchCache {
  const cache = new WatchCache(capacity)
  cache.replace(new Map(), from)
  for (const one of changes) cache.apply([one], one.revision)
  return cache
}

const revisionsAfter = (cache: WatchCache, revision: number) => {
  const changes = cache.changesAfter(revision)
  return changes === 'expired' ? 'expired' : changes.map((one) => one.revision)
}

describe('the objects', () => {
  lesson(
    'begin with a list and follow the changes',
    {
      scenario: 'A list at revision 10 holds web. Then db is added, web modified, db deleted.',
      rule: 'The cache holds what etcd holds, and knows how far it has come.',
      source: SOURCE,
    },
    () => {
      const cache = new WatchCache(100)
      const web = stored({ name: 'web', resourceVersion: '8' })
      cache.replace(new Map([['/registry/pods/web', web]]), 10)
      expect([cache.get('/registry/pods/web'), cache.revision, cache.size]).toEqual([web, 10, 1])

      cache.apply([change('ADDED', 'db', 11)], 11)
      cache.apply([change('MODIFIED', 'web', 12)], 12)
      expect([...cache.entries().keys()].sort()).toEqual(['/registry/pods/db', '/registry/pods/web'])
      cache.apply([change('DELETED', 'db', 13)], 13)
      expect([...cache.entries().values()].map(({ metadata }) => metadata.resourceVersion)).toEqual(['12'])
      expect(cache.revision, 'revision').toBe(13)
    },
  )

  lesson(
    'are as new as the last progress',
    {
      scenario: 'etcd says that it is at revision 40, and that nothing of this kind has changed.',
      rule: 'No change is news, too: a list at 40 can be answered from here. The revision never goes back.',
      source: `${SOURCE} (UpdateResourceVersion)`,
    },
    () => {
      const cache = cacheWith(100, [change('ADDED', 'web', 11)])
      cache.apply([], 40)
      expect([cache.revision, cache.size, revisionsAfter(cache, 10)]).toEqual([40, 1, [11]])
      cache.apply([], 39)
      expect(cache.revision, 'revision').toBe(40)
    },
  )

  lesson(
    'are those of the newest list',
    {
      scenario: 'The connection was lost for long: a new list, at revision 50, no longer holds web.',
      rule: 'A list says what there is; what it does not name is gone, and what was given in may not be shared.',
      source: `${SOURCE} (Replace)`,
    },
    () => {
      const cache = cacheWith(100, [change('ADDED', 'web', 11)])
      const list = new Map([['/registry/pods/db', stored({ name: 'db' })]])
      cache.replace(list, 50)
      list.clear()
      expect([...cache.entries().keys()]).toEqual(['/registry/pods/db'])
    },
  )
})

describe('a cache that knows nothing yet', () => {
  lesson(
    'can follow an etcd from its first change',
    {
      scenario: 'No list was made; the first change of all arrives.',
      rule: 'A history from the very beginning is complete.',
      source: SOURCE,
    },
    () => {
      const cache = new WatchCache(10)
      cache.apply([change('ADDED', 'web', 1)], 1)
      expect([cache.size, cache.revision]).toEqual([1, 1])
    },
  )

  lesson(
    'has nothing to tell',
    {
      scenario: 'A watcher asks an empty cache for everything after 0.',
      rule: 'Nothing has happened, and nothing has been forgotten.',
      source: SOURCE,
    },
    () => expect(new WatchCache(10).changesAfter(0)).toEqual([]),
  )
})

describe('the history', () => {
  lesson(
    'tells a watcher everything after its position, in order, once',
    {
      scenario: 'Changes at 11, 12, 15 and 16; watchers at 10, 12, 13 and 16.',
      rule: 'After means above: the change at the position itself has been seen.',
      source: `${SOURCE} (getAllEventsSinceLocked)`,
    },
    () => {
      const cache = cacheWith(
        100,
        [11, 12, 15, 16].map((revision) => change('MODIFIED', 'web', revision)),
      )
      expect([10, 12, 13, 16].map((position) => revisionsAfter(cache, position))).toEqual([
        [11, 12, 15, 16],
        [15, 16],
        [15, 16],
        [],
      ])
    },
  )

  lesson(
    'has nothing yet for a watcher from the future',
    {
      scenario: 'A client has heard of revision 99 from another API server; this one is at 11.',
      rule: 'Its changes are still to come; it is not expired.',
      source: SOURCE,
    },
    () => expect(revisionsAfter(cacheWith(100, [change('ADDED', 'web', 11)]), 99)).toEqual([]),
  )

  lesson(
    'does not go back before the list',
    {
      scenario: 'The cache began with a list at 10. Watchers ask from 9 and from 10.',
      rule: 'What happened before the list is unknown: 9 is expired, and to answer "nothing" would be a lie.',
      source: `${SOURCE} (getAllEventsSinceLocked: "too old resource version")`,
    },
    () => {
      const cache = cacheWith(100, [])
      expect([revisionsAfter(cache, 9), revisionsAfter(cache, 10)]).toEqual(['expired', []])
    },
  )

  lesson(
    'is empty after a new list',
    {
      scenario: 'Changes at 11 and 12, then a new list at 50.',
      rule: 'Between 12 and 50 anything may have happened: whoever is behind 50 must list again.',
      source: `${SOURCE} (Replace)`,
    },
    () => {
      const cache = cacheWith(100, [change('ADDED', 'web', 11), change('MODIFIED', 'web', 12)])
      cache.replace(new Map(), 50)
      expect([11, 12, 49, 50].map((position) => revisionsAfter(cache, position))).toEqual([
        'expired',
        'expired',
        'expired',
        [],
      ])
    },
  )

  lesson(
    'is bounded',
    {
      scenario: 'A history for three changes gets five: 11 to 15.',
      rule: 'The oldest are forgotten. The position of the last forgotten change is still good: everything after it is there.',
      source: `${SOURCE} (capacity)`,
    },
    () => {
      const cache = cacheWith(
        3,
        [11, 12, 13, 14, 15].map((revision) => change('MODIFIED', 'web', revision)),
      )
      expect([11, 12, 13].map((position) => revisionsAfter(cache, position))).toEqual([
        'expired',
        [13, 14, 15],
        [14, 15],
      ])
    },
  )

  lesson(
    'never tears a revision apart',
    {
      scenario:
        'A lease ends and takes three events with it, all at revision 12; the history has room for two of the three.',
      rule: 'Changes of one revision are forgotten together: nobody sees half of them.',
      source: 'etcd: all changes of a transaction have one revision',
    },
    () => {
      const cache = new WatchCache(2)
      cache.replace(new Map(), 10)
      cache.apply([change('ADDED', 'a', 11)], 11)
      cache.apply(
        ['a', 'b', 'c'].map((name) => change('DELETED', name, 12)),
        12,
      )
      expect([revisionsAfter(cache, 11), revisionsAfter(cache, 12)]).toEqual(['expired', []])
    },
  )

  lesson(
    'lets nobody miss a change, or see one twice',
    {
      scenario: 'Ten watchers of different diligence follow five hundred random changes through a history of fifty.',
      rule: 'Each watcher sees every change exactly once and in order, or learns that it is expired.',
      source: SOURCE,
    },
    (context) => {
      const random = randomFor(context)
      const cache = cacheWith(50, [], 0)
      const watchers = Array.from({ length: 10 }, (_, i) => ({
        position: 0,
        seen: [] as number[],
        diligence: (i + 1) / 40,
      }))
      const all: number[] = []
      let revision = 0
      for (let turn = 0; turn < 500; turn++) {
        revision += 1 + random.below(3)
        cache.apply([change('MODIFIED', `pod-${random.below(20)}`, revision)], revision)
        all.push(revision)
        for (const watcher of watchers) {
          if (!random.chance(watcher.diligence)) continue
          const changes = cache.changesAfter(watcher.position)
          if (changes === 'expired') {
            expect(all.filter((one) => one > watcher.position).length).toBeGreaterThan(50)
            watcher.position = cache.revision
            watcher.seen = all.slice()
          } else {
            watcher.seen.push(...changes.map((one) => one.revision))
            watcher.position = watcher.seen.at(-1) ?? 0
          }
          expect(watcher.seen).toEqual(all.filter((one) => one <= watcher.position))
        }
      }
    },
  )
})

describe('a change, seen through a selector', () => {
  const before = stored({ resourceVersion: '7', labels: { app: 'old' } })
  const after = stored({ resourceVersion: '8', labels: { app: 'new' } })
  const modified: CacheChange = { type: 'MODIFIED', revision: 8, key: 'k', object: after, previous: before }

  lesson(
    'is ADDED when the object begins to match',
    {
      scenario: 'A pod gets the label that a watcher selects; another pod is created with it.',
      rule: 'For a watcher, an object exists from the moment it matches.',
      source: 'apiserver pkg/storage/cacher/cache_watcher.go (convertToWatchEvent)',
    },
    () => {
      expect(selectChange(modified, false, true)).toEqual({ type: 'ADDED', object: after })
      const added: CacheChange = { type: 'ADDED', revision: 8, key: 'k', object: after }
      expect(selectChange(added, false, true)).toEqual({ type: 'ADDED', object: after })
    },
  )

  lesson(
    'is DELETED when it ceases to match, at the version of the change',
    {
      scenario: 'A pod loses the label that a watcher selects.',
      rule: 'The watcher gets the object as it knew it, and the version from which it can go on.',
      source: 'apiserver pkg/storage/cacher/cache_watcher.go (convertToWatchEvent)',
    },
    () => {
      expect(selectChange(modified, true, false)).toEqual({
        type: 'DELETED',
        object: stored({ resourceVersion: '8', labels: { app: 'old' } }),
      })
      expect(before.metadata.resourceVersion).toBe('7')
    },
  )

  lesson(
    'is what it is when it matches before and after, and nothing when it never does',
    {
      scenario: 'A selected pod changes; it is deleted; a pod that was never selected changes, and is deleted.',
      rule: 'Watchers hear of what they see, and of nothing else.',
      source: 'apiserver pkg/storage/cacher/cache_watcher.go (convertToWatchEvent)',
    },
    () => {
      const deleted: CacheChange = { ...modified, type: 'DELETED' }
      expect(selectChange(modified, true, true)).toEqual({ type: 'MODIFIED', object: after })
      expect(selectChange(deleted, true, false)).toEqual({ type: 'DELETED', object: after })
      expect(selectChange(modified, false, false)).toBeUndefined()
      expect(selectChange(deleted, false, false)).toBeUndefined()
    },
  )
})
