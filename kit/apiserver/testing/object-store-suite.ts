/**
 * What the API server builds on the store contract, under stress: many writers of one object, objects that vanish, pages
 * across a compaction, neighbours whose names begin alike, deletions that must hit the right object.
 *
 * Source: apiserver `pkg/storage/testing/store_tests.go`, which upstream's store has to pass in the same way.
 */
import { expect } from 'vitest'
import { ObjectStore } from '#apiserver/storage/object-store.ts'
import type { ApiObject } from '../../api/objects.ts'
import { StatusError } from '../../api/status-error.ts'
import { type KeyValueEvent, type KeyValueStore, prefixRange } from '../../contracts/key-value-store.ts'
import type { SimEtcdStore } from '../../sim/etcd-store.ts'
import { eventually } from '../../testing/eventually.ts'
import { lesson } from '../../testing/lesson.ts'

const SOURCE = 'apiserver pkg/storage/testing/store_tests.go'

const object = (name: string, more: object = {}): ApiObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, uid: `uid-of-${name}` },
  ...more,
})

/** @param storeOf the store, from the first test on */
export function objectStoreSuite(storeOf: () => KeyValueStore): void {
  lesson(
    'loses no update, however many come at once',
    {
      scenario: '20 writers add to one counter at the same time, all of them from the same old copy.',
      rule: 'Whoever is too late looks again; in the end every addition is there.',
      source: `${SOURCE} (RunTestGuaranteedUpdateWithConflict)`,
      timeoutMs: 30_000,
    },
    async () => {
      const objects = new ObjectStore(storeOf())
      const key = '/registry/contended/counter'
      const old = await objects.create(key, object('counter', { count: 0 }))
      const add = async () =>
        objects.guaranteedUpdate(key, async (now) => ({ put: { ...now, count: Number(now?.count) + 1 } }), old)
      const written = await Promise.all(Array.from({ length: 20 }, add))
      expect((await objects.get(key))?.count).toBe(20)
      expect(new Set(written.map(({ metadata }) => metadata.resourceVersion)).size, 'versions').toBe(20)
      expect(written.map(({ count }) => count).sort((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 20 }, (_, i) => i + 1),
      )
    },
  )

  lesson(
    'writes nothing when nothing changes, though it has been asked to on an old copy',
    {
      scenario: 'An update wants what is already there, and was shown an older version.',
      rule: 'It is asked again about the newest version, and no new one comes of it.',
      source: `${SOURCE} (RunTestGuaranteedUpdate, "no change")`,
    },
    async () => {
      const objects = new ObjectStore(storeOf())
      const key = '/registry/unchanged/a'
      const old = await objects.create(key, object('a', { v: 1 }))
      const newest = await objects.guaranteedUpdate(key, async (now) => ({ put: { ...now, v: 2 } }))
      const same = await objects.guaranteedUpdate(key, async (now) => ({ put: { ...now, v: 2 } }), old)
      expect(same).toEqual(newest)
      expect((await objects.get(key))?.metadata.resourceVersion).toBe(newest.metadata.resourceVersion)
    },
  )

  lesson(
    'deletes only what was meant',
    {
      scenario: 'Somebody deletes an object by its uid, but it is another one of that name by now.',
      rule: 'The update sees the newest object, says no, and nothing is deleted.',
      source: `${SOURCE} (RunTestValidateDeletionWithSuggestion, RunTestPreconditionalDeleteWithSuggestion)`,
    },
    async () => {
      const objects = new ObjectStore(storeOf())
      const key = '/registry/meant/a'
      const old = await objects.create(key, object('a', { v: 'old' }))
      await objects.guaranteedUpdate(key, async () => ({ remove: true }))
      await objects.create(key, { ...object('a', { v: 'new' }), metadata: { name: 'a', uid: 'another' } })
      const deletion = objects.guaranteedUpdate(
        key,
        async (now) => {
          if (now?.metadata.uid !== old?.metadata.uid) throw new StatusError(409, 'Conflict', 'another object')
          return { remove: true }
        },
        old,
      )
      await expect(deletion).rejects.toMatchObject({ reason: 'Conflict' })
      expect((await objects.get(key))?.v).toBe('new')
    },
  )

  lesson(
    'lets an object vanish with its lease, and stay when it is put again without one',
    {
      scenario: 'Two objects hang on a lease of one second; one of them is written again without it.',
      rule: 'The lease takes away just the one, and watchers see it go.',
      source: `${SOURCE} (RunTestCreateWithTTL)`,
      timeoutMs: 30_000,
    },
    async () => {
      const store = storeOf()
      const objects = new ObjectStore(store)
      const [goes, stays] = ['/registry/leased/goes', '/registry/leased/stays']
      const lease = await store.grantLease(1)
      const first = await objects.create(goes, object('goes'), lease)
      await objects.create(stays, object('stays'), lease)
      await objects.guaranteedUpdate(stays, async (now) => ({ put: { ...now, v: 2 } }))
      const startRevision = Number(first?.metadata.resourceVersion)
      const watch = store.watch({ ...prefixRange('/registry/leased/'), startRevision })
      // The etcd in memory knows no time.
      if ('expireLease' in store) (store as SimEtcdStore).expireLease(lease)
      const gone = await nextEvents(watch, ({ type }) => type === 'delete')
      expect(gone.at(-1)?.key).toBe(goes)
      await eventually(async () => expect(await objects.get(goes)).toBeUndefined())
      expect((await objects.get(stays))?.v).toBe(2)
    },
  )

  lesson(
    'resumes a watch where it was left, without gap or repeat',
    {
      scenario: 'A watch is left after two of five changes, and taken up from the next revision.',
      rule: 'The second half begins with the third change.',
      source: `${SOURCE} (RunTestWatchFromNonZero)`,
      timeoutMs: 20_000,
    },
    async () => {
      const store = storeOf()
      const objects = new ObjectStore(store)
      const key = '/registry/resumed/a'
      const created = await objects.create(key, object('a', { v: 1 }))
      for (const v of [2, 3, 4, 5]) await objects.guaranteedUpdate(key, async (now) => ({ put: { ...now, v } }))
      const range = prefixRange('/registry/resumed/')
      const versionOf = ({ value = '{}' }: KeyValueEvent) => (JSON.parse(value) as { v: number }).v
      const from = (startRevision: number) => store.watch({ ...range, startRevision })

      const firstPart = await nextEvents(
        from(Number(created?.metadata.resourceVersion)),
        (event) => versionOf(event) === 2,
      )
      const left = firstPart.find((event) => versionOf(event) === 2)
      const secondPart = await nextEvents(from((left?.modRevision ?? 0) + 1), (event) => versionOf(event) === 5)
      expect(secondPart.map(versionOf)).toEqual([3, 4, 5])
    },
  )

  lesson(
    'pages through one revision until it is compacted, and through the newest after that',
    {
      scenario: 'Between two pages an object is added, and then the revision of the first page is compacted.',
      rule: 'The second page does not show the new object; the third is refused; the newest revision can be read on.',
      source: `${SOURCE} (RunTestListContinuation, RunTestConsistentList)`,
      timeoutMs: 20_000,
    },
    async () => {
      const store = storeOf()
      const objects = new ObjectStore(store)
      const range = prefixRange('/registry/pages/')
      const key = (name: string) => `/registry/pages/${name}`
      for (const name of ['a', 'b', 'd', 'e']) await objects.create(key(name), object(name))
      const first = await store.range({ ...range, limit: 2 })
      expect({ keys: first.kvs.map((kv) => kv.key), count: first.count }).toEqual({
        keys: [key('a'), key('b')],
        count: 4,
      })

      const added = await objects.create(key('c'), object('c'))
      const { revision } = first
      const second = await store.range({ from: `${key('b')}\0`, to: range.to, limit: 1, revision })
      expect({ keys: second.kvs.map((kv) => kv.key), count: second.count }).toEqual({ keys: [key('d')], count: 2 })

      await store.compact(Number(added?.metadata.resourceVersion))
      const third = store.range({ from: `${key('d')}\0`, to: range.to, limit: 1, revision })
      await expect(third).rejects.toMatchObject({ name: 'CompactedError' })
      const rest = await store.range({ from: `${key('b')}\0`, to: range.to })
      expect(rest.kvs.map((kv) => kv.key)).toEqual([key('c'), key('d'), key('e')])
    },
  )

  lesson(
    'keeps neighbours apart whose names begin alike',
    {
      scenario: 'Namespaces a, a-b, a.b and aa; signs that sort before and after the slash that ends a name.',
      rule: 'A list and a watch of a show what is in a, and nothing else.',
      source: `${SOURCE} (RunTestListWithoutPaging, "test List on non-existing key"); KEP-2340`,
      timeoutMs: 20_000,
    },
    async () => {
      const store = storeOf()
      const objects = new ObjectStore(store)
      const { revision } = await store.versionOf('/registry/near/')
      for (const place of ['a-b', 'a.b', 'aa', 'A', 'a']) {
        await objects.create(`/registry/near/${place}/x`, object(place))
      }
      const range = prefixRange('/registry/near/a/')
      const { kvs, count } = await store.range(range)
      expect({ keys: kvs.map(({ key }) => key), count }).toEqual({ keys: ['/registry/near/a/x'], count: 1 })
      const events = await nextEvents(store.watch({ ...range, startRevision: revision + 1 }), () => true)
      expect(events.map(({ key }) => key)).toEqual(['/registry/near/a/x'])
    },
  )
}

/** Everything up to the event that is waited for. */
async function nextEvents(
  watch: ReturnType<KeyValueStore['watch']>,
  isLast: (event: KeyValueEvent) => boolean,
): Promise<KeyValueEvent[]> {
  const events: KeyValueEvent[] = []
  for await (const batch of watch) {
    events.push(...batch.events)
    if (batch.events.some(isLast)) break
  }
  watch.cancel()
  return events
}
