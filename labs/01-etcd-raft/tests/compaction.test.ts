/**
 * Compaction of the whole store: given code, which only looks at what has changed, against the rule of one key (`compactVersions`) done for all.
 */
import { expect } from 'vitest'
import { MvccStore } from '#etcd/mvcc/store.ts'
import { compactVersions, type Version } from '#etcd/mvcc/versions.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { deleteRequest, putRequest, seeds } from './fixtures.ts'

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']

lesson(
  'gives up exactly what each key has to give up, time after time',
  {
    scenario:
      'Keys are put and deleted at random, and the store is compacted now and then; once it is also restored from its contents.',
    rule: 'Of each key stay all versions after the compacted revision, and the newest one before it, unless that is an older deletion.',
    source: 'etcd server/storage/mvcc/key_index.go, compact',
  },
  ({ seed }) => {
    for (const number of seeds(30)) {
      seed(number)
      const random = createRandom(number)
      let store = new MvccStore()
      const expected = new Map<string, readonly Version[]>()
      for (let step = 0; step < 200; step++) {
        const key = random.pick(KEYS)
        const before = store.revision
        if (random.chance(0.3)) store.deleteRange(deleteRequest(key))
        else store.put(putRequest(key, `${step}`))
        const kv = store.get(key)
        if (store.revision > before) {
          const version = { revision: store.revision, ...(kv && { kv }) }
          expected.set(key, [...(expected.get(key) ?? []), version])
        }
        const oldest = Math.max(store.compactRevision + 1, 1)
        if (oldest <= store.revision && random.chance(0.1)) {
          store.compact(oldest + random.below(store.revision - oldest + 1))
          for (const [key, versions] of expected) expected.set(key, compactVersions(versions, store.compactRevision))
        }
        if (step === 100) {
          const restored = new MvccStore()
          restored.restore(store.contents())
          store = restored
        }
      }
      const all = [...expected].flatMap(([key, versions]) => versions.map((version) => ({ key, ...version })))
      all.sort((a, b) => a.revision - b.revision)
      const held = [...store.contents().versions].map(({ key, revision, kv }) => ({ key, revision, ...(kv && { kv }) }))
      expect(held, `all versions, seed ${number}`).toEqual(all)
      const live = KEYS.filter((key) => expected.get(key)?.at(-1)?.kv)
      expect([...store.keysIn({ key: 'a', rangeEnd: '\0' })].filter((key) => store.get(key))).toEqual(live)
    }
  },
)
