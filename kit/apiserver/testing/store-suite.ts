/**
 * The store contract (kit/contracts/key-value-store.ts) and optimistic concurrency upon it, as a suite: for the etcd in
 * memory, for a real one and for our own, so that each can be believed because the others pass it as well.
 */
import { afterAll, beforeAll, expect } from 'vitest'
import { ObjectStore } from '#apiserver/storage/object-store.ts'
import type { ApiObject } from '../../api/objects.ts'
import { type KeyValueBatch, type KeyValueStore, prefixRange, singleKey } from '../../contracts/key-value-store.ts'
import { lesson } from '../../testing/lesson.ts'
import { objectStoreSuite } from './object-store-suite.ts'

const SOURCE = 'etcd Documentation: API guarantees'

const object = (name: string, more: object = {}): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: `uid-of-${name}` },
  ...more,
})

/** @param open is called once, before the first test; the store is closed after the last. */
export function storeSuite(open: () => Promise<KeyValueStore>): void {
  let store: KeyValueStore
  beforeAll(async () => {
    store = await open()
  })
  afterAll(() => store?.close())

  objectStoreSuite(() => store)

  lesson(
    'lets one writer win and tells the other what it lost to',
    {
      scenario: 'Two updates of the same object, decided on the same version, arrive one after the other.',
      rule: 'The first is written, the second is not, and its retry builds on the first.',
      source: SOURCE,
    },
    async () => {
      const objects = new ObjectStore(store)
      const key = '/registry/pods/default/race'
      const first = await objects.create(key, object('race', { count: 0 }))
      const add = (amount: number) =>
        objects.guaranteedUpdate(key, async (pod) => ({ put: { ...pod, count: Number(pod?.count) + amount } }), first)
      await Promise.all([add(1), add(10), add(100)])
      expect((await objects.get(key))?.count).toBe(111)
      expect(await objects.create(key, object('race'))).toBeUndefined()

      const removed = await objects.guaranteedUpdate(key, async () => ({ remove: true }))
      expect(removed.count).toBe(111)
      expect(await objects.get(key)).toBeUndefined()
      expect(Number(removed.metadata.resourceVersion)).toBeGreaterThan(Number(first?.metadata.resourceVersion))
    },
  )

  lesson(
    'watches every change from a revision on',
    {
      scenario: 'Put, put and delete, and then a watch from the first of them.',
      rule: 'Every change in order, with the value before it; then a range at an old revision shows the past.',
      source: SOURCE,
      timeoutMs: 20_000,
    },
    async () => {
      const objects = new ObjectStore(store)
      const key = '/registry/watched/a'
      const created = await objects.create(key, object('a', { v: 1 }))
      const startRevision = Number(created?.metadata.resourceVersion)
      await objects.guaranteedUpdate(key, async (pod) => ({ put: { ...pod, v: 2 } }))
      await objects.guaranteedUpdate(key, async () => ({ remove: true }))

      const watch = store.watch({ ...prefixRange('/registry/watched/'), startRevision })
      const events: KeyValueBatch['events'][number][] = []
      for await (const batch of watch) {
        events.push(...batch.events)
        if (events.length >= 3) break
      }
      watch.cancel()
      const v = (text: string | undefined) => text && (JSON.parse(text) as { v: number }).v
      expect(events.map(({ type, value, previous }) => [type, v(value), v(previous)])).toEqual([
        ['put', 1, undefined],
        ['put', 2, 1],
        ['delete', undefined, 2],
      ])
      const then = await store.range({ ...singleKey(key), revision: startRevision })
      expect(then.kvs.map(({ value }) => v(value))).toEqual([1])
    },
  )

  lesson(
    'tells whether a range has changed, and which version a key has, without sending values',
    {
      scenario:
        'Somebody knows what a range was like; then a key comes, another is changed, one goes, and elsewhere something happens.',
      rule: 'Each change within the range is noticed, whatever happens elsewhere is not.',
      source: SOURCE,
    },
    async () => {
      const objects = new ObjectStore(store)
      const range = prefixRange('/registry/known/')
      const key = (name: string) => `/registry/known/${name}`
      const revisionNow = async () => (await store.versionOf('/registry/known/')).revision
      const isChanged = async (revision: number, count: number) => store.changedSince({ ...range, revision, count })

      await objects.create(key('a'), object('a'))
      const b = await objects.create(key('b'), object('b', { v: 1 }))
      expect(await store.versionOf(key('b'))).toEqual({
        revision: Number(b?.metadata.resourceVersion),
        modRevision: Number(b?.metadata.resourceVersion),
      })
      const two = await revisionNow()
      await objects.create('/registry/elsewhere/x', object('x'))
      expect(await isChanged(two, 2)).toBe(false)
      await objects.guaranteedUpdate(key('b'), async (pod) => ({ put: { ...pod, v: 2 } }))
      expect(await isChanged(two, 2)).toBe(true)

      const changed = await revisionNow()
      expect(await isChanged(changed, 2)).toBe(false)
      await objects.guaranteedUpdate(key('a'), async () => ({ remove: true }))
      expect(await isChanged(changed, 2)).toBe(true)
      const known = await revisionNow()
      const keys = [key('a'), key('b'), '/registry/elsewhere/x']
      const versions = await Promise.all(keys.map((each) => store.versionOf(each)))
      expect(versions.map(({ modRevision }) => modRevision)).toEqual([0, changed, two + 1])
      expect(versions.map(({ revision }) => revision)).toEqual([known, known, known])
    },
  )

  lesson(
    'forgets what is compacted',
    {
      scenario: 'After a compaction somebody asks for the time before it, by range and by watch.',
      rule: 'CompactedError, so that the API server can say 410.',
      source: SOURCE,
      timeoutMs: 20_000,
    },
    async () => {
      const objects = new ObjectStore(store)
      const key = '/registry/compacted/a'
      const first = await objects.create(key, object('a', { v: 1 }))
      const second = await objects.guaranteedUpdate(key, async (pod) => ({ put: { ...pod, v: 2 } }))
      await store.compact(Number(second.metadata.resourceVersion))
      const old = Number(first?.metadata.resourceVersion)
      await expect(store.range({ ...singleKey(key), revision: old })).rejects.toMatchObject({ name: 'CompactedError' })
      const watch = store.watch({ ...prefixRange('/registry/compacted/'), startRevision: old })
      const drain = async () => {
        for await (const _batch of watch) expect.fail('it still knows')
      }
      await expect(drain()).rejects.toMatchObject({ name: 'CompactedError' })
    },
  )
}
