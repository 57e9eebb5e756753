/** Step 2.3: optimistic concurrency. The store is etcd in memory; step-3-object-store.wire.test.ts tries the real one. */
import { describe, expect } from 'vitest'
import {
  afterChange,
  change,
  creation,
  decodeObject,
  encodeObject,
  ObjectStore,
} from '#apiserver/storage/object-store.ts'
import { createSimEtcdStore } from '#kit/sim/etcd-store.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { randomFor, stored } from './fixtures.ts'

const SOURCE = 'apiserver pkg/storage/etcd3/store.go'
const KEY = '/registry/pods/default/web'

describe('the stored form', () => {
  lesson(
    'does not hold the version',
    {
      scenario: 'A pod at version 7 is made into text; others go on reading the pod.',
      rule: 'The resourceVersion is etcd’s modRevision. A copy inside the value would be one write behind, always.',
      source: `${SOURCE}, api_object_versioner.go`,
    },
    () => {
      const pod = stored({}, { spec: { nodeName: 'node-1' } })
      const text = encodeObject(pod)
      expect(JSON.parse(text).metadata).not.toHaveProperty('resourceVersion')
      expect(pod.metadata.resourceVersion).toBe('7')
    },
  )

  lesson(
    'is read with the version that etcd tells',
    {
      scenario: 'The stored text of a pod, last changed at revision 9.',
      rule: 'The resourceVersion is the modRevision, as text, since clients must not calculate with it.',
      source: `${SOURCE}, api_object_versioner.go`,
    },
    () => {
      const { resourceVersion: _none, ...metadata } = stored().metadata
      const text = JSON.stringify({ ...stored({}, { spec: { nodeName: 'node-1' } }), metadata })
      expect(decodeObject(text, 9)).toEqual(stored({ resourceVersion: '9' }, { spec: { nodeName: 'node-1' } }))
    },
  )
})

describe('the transactions', () => {
  lesson(
    'create only what is not there',
    {
      scenario: 'A pod is to be created, and an event that lives as long as a lease.',
      rule: 'One transaction compares and writes: the key’s modRevision must be 0, which means it does not exist.',
      source: `${SOURCE} (Create)`,
    },
    () => {
      const value = encodeObject(stored())
      expect(creation(KEY, stored())).toEqual({
        compare: { key: KEY, modRevision: 0 },
        success: { put: { key: KEY, value } },
      })
      expect(creation(KEY, stored(), 'lease-1').success).toEqual({ put: { key: KEY, value, lease: 'lease-1' } })
    },
  )

  lesson(
    'change only what was seen',
    {
      scenario:
        'A pod at version 7 gets a label, once with a lease; another one is removed; a third does not exist yet.',
      rule: 'The compare is about the version that the decision was made on; if it fails, the answer brings the newer one.',
      source: `${SOURCE} (GuaranteedUpdate)`,
    },
    () => {
      const labelled = stored({ labels: { a: 'b' } })
      expect(change(KEY, stored(), { put: labelled })).toEqual({
        compare: { key: KEY, modRevision: 7 },
        success: { put: { key: KEY, value: encodeObject(labelled) } },
        failure: { get: { key: KEY } },
      })
      expect(change(KEY, stored(), { remove: true })).toEqual({
        compare: { key: KEY, modRevision: 7 },
        success: { delete: { key: KEY } },
        failure: { get: { key: KEY } },
      })
      expect(change(KEY, stored(), { put: labelled, lease: 'lease-2' })?.success).toEqual({
        put: { key: KEY, value: encodeObject(labelled), lease: 'lease-2' },
      })
      expect(change(KEY, undefined, { put: labelled })?.compare).toEqual({ key: KEY, modRevision: 0 })
    },
  )

  lesson(
    'do not write what is already there',
    {
      scenario: 'kubectl apply of a manifest that has not changed: the update puts exactly what is stored.',
      rule: 'An update that changes nothing makes no version and wakes no watcher. (A removal is never nothing.)',
      source: `${SOURCE} (GuaranteedUpdate: bytes.Equal)`,
    },
    () => {
      expect(change(KEY, stored(), { put: stored() })).toBeUndefined()
      expect(change(KEY, stored(), { put: stored({ resourceVersion: '3' }) })).toBeUndefined()
      expect(change(KEY, stored(), { remove: true })).toBeDefined()
    },
  )

  lesson(
    'end in the object with its new version, or in another look',
    {
      scenario:
        'etcd answers: put at revision 12; removed at revision 13; lost, with the winner’s object at revision 11; lost, and the key is gone.',
      rule: 'Who wins knows the new version from the transaction’s revision; who loses gets what is there now.',
      source: `${SOURCE} (GuaranteedUpdate)`,
    },
    () => {
      const labelled = stored({ labels: { a: 'b' } })
      expect(afterChange(stored(), { put: labelled }, { succeeded: true, revision: 12 })).toEqual({
        done: stored({ labels: { a: 'b' }, resourceVersion: '12' }),
      })
      expect(afterChange(stored(), { remove: true }, { succeeded: true, revision: 13 })).toEqual({
        done: stored({ resourceVersion: '13' }),
      })
      const current = { key: KEY, value: encodeObject(stored({ labels: { by: 'another' } })), modRevision: 11 }
      expect(afterChange(stored(), { put: labelled }, { succeeded: false, revision: 12, current })).toEqual({
        current: stored({ labels: { by: 'another' }, resourceVersion: '11' }),
      })
      expect(afterChange(stored(), { put: labelled }, { succeeded: false, revision: 12 })).toEqual({
        current: undefined,
      })
    },
  )
})

describe('many writers', () => {
  lesson(
    'lose no update',
    {
      scenario: 'Twenty writers add one to the same counter at the same time, in an order that the seed chooses.',
      rule: 'Every acknowledged update is based on the one before it: the counter ends at twenty.',
      source: `${SOURCE} (GuaranteedUpdate)`,
    },
    async (context) => {
      const random = randomFor(context)
      const etcd = createSimEtcdStore()
      const store = new ObjectStore(etcd)
      await store.create(KEY, stored({}, { count: 0 }))
      const versions = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const after = await store.guaranteedUpdate(KEY, async (pod) => {
            for (let pause = random.below(4); pause > 0; pause--) await null
            return { put: { ...pod, count: Number(pod?.count) + 1 } }
          })
          return after.metadata.resourceVersion
        }),
      )
      expect((await store.get(KEY))?.count, 'the counter').toBe(20)
      expect(new Set(versions).size, 'different versions').toBe(20)
    },
  )

  lesson(
    'find exactly one winner among creators',
    {
      scenario: 'Ten clients create the same name at the same time.',
      rule: 'One gets the object, the others learn that it exists.',
      source: `${SOURCE} (Create)`,
    },
    async () => {
      const store = new ObjectStore(createSimEtcdStore())
      const results = await Promise.all(
        Array.from({ length: 10 }, (_, i) => store.create(KEY, stored({ uid: `uid-${i}` }))),
      )
      const winners = results.filter((result) => result !== undefined)
      expect(winners).toHaveLength(1)
      expect((await store.get(KEY))?.metadata.uid).toBe(winners[0]?.metadata.uid)
    },
  )

  lesson(
    'are not misled by an old copy',
    {
      scenario: 'An update starts from a cached copy of version 2, while the store is at version 3.',
      rule: 'A guess costs a retry when it is old, and never a lost write.',
      source: `${SOURCE} (GuaranteedUpdate: origStateIsCurrent)`,
    },
    async () => {
      const etcd = createSimEtcdStore()
      const store = new ObjectStore(etcd)
      const old = await store.create(KEY, stored({}, { count: 1 }))
      await store.guaranteedUpdate(KEY, async (pod) => ({ put: { ...pod, count: 2 } }))
      const shown: unknown[] = []
      await store.guaranteedUpdate(
        KEY,
        async (pod) => {
          shown.push(pod?.count)
          return { put: { ...pod, count: Number(pod?.count) + 10 } }
        },
        old,
      )
      expect(shown).toEqual([1, 2])
      expect((await store.get(KEY))?.count, 'the counter').toBe(12)
    },
  )

  lesson(
    'learn that somebody has removed the object meanwhile',
    {
      scenario: 'Between the read and the write of an update, another client deletes the object.',
      rule: 'The next look shows that nothing is there, and the update decides what that means.',
      source: `${SOURCE} (GuaranteedUpdate)`,
    },
    async () => {
      const etcd = createSimEtcdStore()
      const store = new ObjectStore(etcd)
      await store.create(KEY, stored())
      etcd.beforeTxn = () => {
        etcd.beforeTxn = undefined
        etcd.delete(KEY)
      }
      const update = store.guaranteedUpdate(KEY, async (pod) => {
        if (!pod) throw new Error('it is gone')
        return { put: { ...pod, count: 1 } }
      })
      await expect(update).rejects.toThrow('it is gone')
      expect([...etcd.contents().keys()], 'keys left').toEqual([])
    },
  )
})
