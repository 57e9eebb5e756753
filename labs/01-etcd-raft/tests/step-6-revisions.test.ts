import { describe, expect } from 'vitest'
import { isInRange } from '#etcd/mvcc/byte-range.ts'
import { applyRange } from '#etcd/mvcc/operations.ts'
import { selectKvs } from '#etcd/mvcc/selection.ts'
import { MvccStore } from '#etcd/mvcc/store.ts'
import { nextKeyValue, versionAt } from '#etcd/mvcc/versions.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { deleteRequest, putRequest, rangeRequest, refusal, seeds } from './fixtures.ts'

const kv = (key: string, modRevision: number, different: object = {}) => ({
  key,
  createRevision: modRevision,
  modRevision,
  version: 1,
  value: `value of ${key}`,
  lease: '0',
  ...different,
})

describe('isInRange', () => {
  lesson(
    'reads key and rangeEnd as etcd does',
    {
      scenario: 'Keys are tried against a single key, a range, "from this key on", everything, and capitals.',
      rule: 'The range is [key, rangeEnd): without rangeEnd just the key; with a zero byte, no upper bound.',
      source: 'etcd rpc.proto, RangeRequest',
    },
    () => {
      const inside = (key: string, rangeEnd: string, ...tried: string[]) => ({
        key,
        rangeEnd,
        inside: tried.filter((candidate) => isInRange(candidate, { key, rangeEnd })),
      })
      expect(inside('b', '', 'a', 'b', 'ba', 'c')).toEqual({ key: 'b', rangeEnd: '', inside: ['b'] })
      expect(inside('b', 'c', 'a', 'b', 'ba', 'c')).toEqual({ key: 'b', rangeEnd: 'c', inside: ['b', 'ba'] })
      const fromB = { key: 'b', rangeEnd: '\0', inside: ['b', 'ba', 'c', '\xff'] }
      expect(inside('b', '\0', 'a', 'b', 'ba', 'c', '\xff')).toEqual(fromB)
      expect(inside('\0', '\0', 'a', '\xff')).toEqual({ key: '\0', rangeEnd: '\0', inside: ['a', '\xff'] })
      const bytes = inside('a', 'c', 'B', 'b', 'C')
      expect(bytes, 'capitals come before all small letters').toEqual({ key: 'a', rangeEnd: 'c', inside: ['b'] })
    },
  )
})

describe('versions of a key', () => {
  const story = {
    scenario: 'A key was created at revision 3, changed at 5, deleted at 8, and created again at 9.',
    rule: 'A read at a revision sees the newest version at or before it.',
    source: 'etcd server/storage/mvcc/key_index.go',
  }

  lesson('are found by revision', story, () => {
    const versions = [
      { revision: 3, kv: kv('k', 3) },
      { revision: 5, kv: kv('k', 5) },
      { revision: 8 },
      { revision: 9, kv: kv('k', 9) },
    ]
    const seen = [2, 3, 4, 5, 7, 8, 9, 99].map(
      (revision) => `at ${revision}: ${versionAt(versions, revision)?.modRevision ?? 'none'}`,
    )
    expect(seen).toEqual([
      'at 2: none',
      'at 3: 3',
      'at 4: 3',
      'at 5: 5',
      'at 7: 5',
      'at 8: none',
      'at 9: 9',
      'at 99: 9',
    ])
  })

  lesson('count from creation', story, () => {
    const put = { key: 'k', value: 'v', lease: '7' }
    const created = nextKeyValue(undefined, put, 3)
    expect(created).toEqual({ key: 'k', value: 'v', lease: '7', createRevision: 3, modRevision: 3, version: 1 })
    expect(nextKeyValue(created, { ...put, value: 'w', lease: '0' }, 5)).toEqual({
      key: 'k',
      value: 'w',
      lease: '0',
      createRevision: 3,
      modRevision: 5,
      version: 2,
    })
  })
})

describe('selectKvs', () => {
  const found = [
    kv('a', 17, { createRevision: 2, version: 4, value: '1' }),
    kv('b', 3, { value: 'b' }),
    kv('c', 5, { value: 'C' }),
  ]
  const select = (different: object) => {
    const { kvs, more, count } = selectKvs(found, { ...rangeRequest({ key: 'a' }), ...different })
    return `${kvs.map(({ key }) => key).join(' ')}${more ? ' …' : ''} of ${count}`
  }
  const story = {
    scenario: 'Three keys were found; the client wants them sorted, limited, filtered.',
    rule: 'Filter by revisions, sort, then limit; count is of all that was found.',
    source: 'etcd rpc.proto, RangeRequest and RangeResponse',
  }

  lesson('limits after sorting, and says whether there is more', story, () => {
    expect(select({}), 'no limit').toBe('a b c of 3')
    expect(select({ limit: 2 }), 'limit 2').toBe('a b … of 3')
    expect(select({ limit: 3 }), 'limit 3').toBe('a b c of 3')
    expect(select({ sortTarget: 'MOD', sortOrder: 'DESCEND', limit: 1 }), 'the newest').toBe('a … of 3')
  })

  lesson('sorts by any field, in either order', story, () => {
    expect(select({ sortOrder: 'DESCEND' }), 'by key, descending').toBe('c b a of 3')
    expect(select({ sortTarget: 'MOD', sortOrder: 'ASCEND' }), 'by modRevision, 3 5 17').toBe('b c a of 3')
    expect(select({ sortTarget: 'VALUE' }), 'by value in byte order, no order given').toBe('a c b of 3')
    expect(select({ sortTarget: 'VERSION', sortOrder: 'DESCEND' }), 'equals keep key order').toBe('a b c of 3')
    expect(select({ sortTarget: 'CREATE', sortOrder: 'DESCEND' }), 'by createRevision, descending').toBe('c b a of 3')
    expect(found.map(({ key }) => key).join(''), 'what was given').toBe('abc')
  })

  lesson('filters by inclusive bounds of revisions', story, () => {
    expect(select({ minModRevision: 5 }), 'changed at 5 or later').toBe('a c of 3')
    expect(select({ maxModRevision: 5 }), 'changed at 5 or before').toBe('b c of 3')
    expect(select({ minCreateRevision: 3, maxCreateRevision: 3 }), 'created at 3').toBe('b of 3')
    expect(select({ minModRevision: 4, limit: 1 }), 'one of those changed at 4 or later').toBe('a … of 3')
  })

  lesson('leaves out values, or everything but the count', story, () => {
    expect(select({ countOnly: true, limit: 1 }), 'countOnly').toBe(' of 3')
    const { kvs } = selectKvs(found, rangeRequest({ key: 'a', keysOnly: true }))
    expect(kvs[0], 'keysOnly').toEqual({ ...kv('a', 17, { createRevision: 2, version: 4 }), value: '' })
    const values = (list: readonly { value: string }[]) => list.map(({ value }) => value)
    expect({ answered: values(kvs), stored: values(found) }).toEqual({
      answered: ['', '', ''],
      stored: ['1', 'b', 'C'],
    })
  })
})

describe('the revision asked for', () => {
  lesson(
    'is the newest when it is 0 or less, and may not be compacted or yet to come',
    {
      scenario: 'A store is at revision 9 and was compacted at 5. Reads ask for revisions -1 to 10.',
      rule: 'The compacted revision is the oldest that can be read, the store’s own the newest.',
      source: 'etcd api/v3rpc/rpctypes, ErrCompacted and ErrFutureRev',
    },
    () => {
      const read: (number | undefined)[] = []
      const store = {
        revision: 9,
        compactRevision: 5,
        keysIn: () => ['k'],
        get(_key: string, revision?: number) {
          read.push(revision)
          return undefined
        },
      }
      const answers = [-1, 0, 4, 5, 9, 10].map((revision) => {
        const refused = refusal(() => applyRange(store, rangeRequest({ key: 'k', revision })))
        return `${revision}: ${refused || `reads at ${read.pop() ?? 9}`}`
      })
      expect(answers).toEqual([
        '-1: reads at 9',
        '0: reads at 9',
        '4: etcdserver: mvcc: required revision has been compacted',
        '5: reads at 5',
        '9: reads at 9',
        '10: etcdserver: mvcc: required revision is a future revision',
      ])
    },
  )
})

describe('the store', () => {
  lesson(
    'is empty at revision 1',
    {
      scenario: 'Nothing was ever written.',
      rule: 'A store begins at revision 1, and what is not there yet cannot be read.',
      source: 'etcd server/storage/mvcc/kvstore.go, NewStore',
    },
    () => {
      const store = new MvccStore()
      expect(store.range(rangeRequest({ key: 'a', rangeEnd: '\0' }))).toEqual({ kvs: [], more: false, count: 0 })
      expect(refusal(() => store.range(rangeRequest({ key: 'a', revision: 2 })))).toContain('is a future revision')
    },
  )

  lesson(
    'deletes nothing where nothing is',
    {
      scenario: 'Everything in an empty store is deleted.',
      rule: 'A delete that finds nothing is no change: it takes no revision and makes no history.',
      source: 'etcd server/storage/mvcc/kvstore_txn.go',
    },
    () => {
      const store = new MvccStore()
      expect(store.deleteRange(deleteRequest('a', { rangeEnd: '\0' }))).toEqual({ deleted: 0, prevKvs: [] })
      expect({ revision: store.revision, changes: store.changesFrom(0) }).toEqual({ revision: 1, changes: [] })
    },
  )

  lesson(
    'gives every change the next revision, beginning with 2',
    {
      scenario: 'An empty store is at revision 1. Two keys are put, one of them twice.',
      rule: 'Each write raises the revision by one and is remembered under it.',
      source: 'etcd, "Data model": https://etcd.io/docs/v3.5/learning/data_model/',
    },
    () => {
      const store = new MvccStore()
      expect(store.put(putRequest('a', '1'))).toEqual({})
      store.put(putRequest('b', '2'))
      expect(store.put(putRequest('a', '3', { prevKv: true })).prevKv).toEqual(kv('a', 2, { value: '1' }))
      expect(store.revision, 'revision after three puts').toBe(4)
      expect(new MvccStore().put(putRequest('a', '1', { prevKv: true })), 'nothing was there').toEqual({})
      const { kvs } = store.range(rangeRequest({ key: 'a' }))
      expect(kvs).toEqual([kv('a', 4, { createRevision: 2, version: 2, value: '3' })])
      expect(store.put(putRequest('a', '5')), 'nobody asked for what was there').toEqual({})
    },
  )

  lesson(
    'can keep the value or the lease of an existing key',
    {
      scenario: 'A key with a value and a lease is put with ignoreValue, then with ignoreLease; a missing key too.',
      rule: 'What is ignored stays as it is; the key must exist.',
      source: 'etcd rpc.proto, PutRequest',
    },
    () => {
      const store = new MvccStore()
      store.put(putRequest('k', 'v', { lease: '5' }))
      store.put(putRequest('k', '', { ignoreValue: true, lease: '6' }))
      expect(store.get('k')).toMatchObject({ value: 'v', lease: '6' })
      store.put(putRequest('k', 'w', { ignoreLease: true }))
      expect(store.get('k')).toMatchObject({ value: 'w', lease: '6' })
      for (const ignored of ['ignoreValue', 'ignoreLease']) {
        const refused = refusal(() => store.put(putRequest('x', '', { [ignored]: true })))
        expect({ ignored, refused }).toEqual({ ignored, refused: 'etcdserver: key not found' })
      }
      expect(store.revision, 'a refused put changes nothing').toBe(4)
    },
  )

  lesson(
    'reads any revision there was, and none that is yet to come',
    {
      scenario: 'A key is put at 2, put at 3, deleted at 4.',
      rule: 'A range at a revision sees the store as it was then; a future revision is an error.',
      source: 'etcd api/v3rpc/rpctypes, ErrFutureRev',
    },
    () => {
      const store = new MvccStore()
      store.put(putRequest('k', 'old'))
      store.put(putRequest('k', 'new'))
      store.deleteRange(deleteRequest('k'))
      const valueAt = (revision: number) => store.range(rangeRequest({ key: 'k', revision })).kvs[0]?.value ?? 'none'
      expect([1, 2, 3, 4, 0].map((revision) => `${revision}: ${valueAt(revision)}`)).toEqual([
        '1: none',
        '2: old',
        '3: new',
        '4: none',
        '0: none',
      ])
      expect(refusal(() => valueAt(5))).toContain('etcdserver: mvcc: required revision is a future revision')
    },
  )

  lesson(
    'deletes a range at one revision, and takes none for deleting nothing',
    {
      scenario: 'Keys a/1, a/2 and b exist. The prefix a/ is deleted, twice.',
      rule: 'A delete that finds nothing is no change.',
      source: 'etcd server/storage/mvcc/kvstore_txn.go',
    },
    () => {
      const store = new MvccStore()
      for (const key of ['a/2', 'b', 'a/1']) store.put(putRequest(key, key))
      const deleted = store.deleteRange(deleteRequest('a/', { rangeEnd: 'a0', prevKv: true }))
      const prevKeys = deleted.prevKvs.map(({ key }) => key)
      expect({ deleted: deleted.deleted, prevKeys, revision: store.revision }).toEqual({
        deleted: 2,
        prevKeys: ['a/1', 'a/2'],
        revision: 5,
      })
      expect(store.deleteRange(deleteRequest('a/', { rangeEnd: 'a0' }))).toEqual({ deleted: 0, prevKvs: [] })
      expect(store.revision, 'revision after deleting nothing').toBe(5)
      expect(store.deleteRange(deleteRequest('b')), 'nobody asked what was there').toEqual({ deleted: 1, prevKvs: [] })
      store.put(putRequest('a/1', 'again'))
      expect(store.get('a/1'), 'a deleted key begins anew').toMatchObject({ createRevision: 7, version: 1 })
    },
  )

  lesson(
    'answers as a plain list of snapshots would',
    {
      scenario:
        'Hundreds of random puts and deletes; after each, a copy of the whole store is kept. Then random reads at random revisions.',
      rule: 'The store at a revision is what it was when that revision was made.',
      source: 'etcd, "Data model"',
    },
    ({ seed }) => {
      for (const number of seeds(15)) {
        seed(number)
        const random = createRandom(number)
        const store = new MvccStore()
        const snapshots: Map<string, string>[] = [new Map(), new Map()]
        const someKey = () => 'k'.repeat(1 + random.below(2)) + random.below(20)
        for (let write = 0; write < 200; write++) {
          const model = new Map(snapshots.at(-1))
          const key = someKey()
          if (random.chance(0.3)) {
            for (const held of model.keys()) if (held >= key && held < `${key}5`) model.delete(held)
            if (store.deleteRange(deleteRequest(key, { rangeEnd: `${key}5` })).deleted === 0) continue
          } else {
            model.set(key, String(write))
            store.put(putRequest(key, String(write)))
          }
          snapshots.push(model)
        }
        for (let read = 0; read < 60; read++) {
          const revision = 1 + random.below(store.revision)
          const key = someKey()
          const { kvs } = store.range(rangeRequest({ key, rangeEnd: '\0', revision }))
          const expected = [...snapshots[revision]!].filter(([held]) => held >= key).sort()
          const got = kvs.map((one) => [one.key, one.value]).sort()
          expect(got, `keys from ${key} on at revision ${revision}, seed ${number}`).toEqual(expected)
        }
      }
    },
  )
})
