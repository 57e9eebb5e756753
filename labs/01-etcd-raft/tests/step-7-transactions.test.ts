import { describe, expect } from 'vitest'
import { MvccStore } from '#etcd/mvcc/store.ts'
import { checkCompaction, checkTxn, checkWritesOnce, compareHolds } from '#etcd/mvcc/txn.ts'
import type { Compare, KeyValue, RequestOp } from '#etcd/mvcc/types.ts'
import { compactVersions } from '#etcd/mvcc/versions.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { deleteRequest, putRequest, rangeRequest, refusal, txnRequest } from './fixtures.ts'

const compare = (different: Partial<Compare>): Compare => ({
  key: 'k',
  rangeEnd: '',
  result: 'EQUAL',
  target: 'MOD',
  ...different,
})
const put = (key: string, value = ''): RequestOp => ({ requestPut: putRequest(key, value) })
const remove = (key: string, rangeEnd = ''): RequestOp => ({ requestDeleteRange: deleteRequest(key, { rangeEnd }) })
const get = (key: string): RequestOp => ({ requestRange: rangeRequest({ key }) })
const nested = (success: RequestOp[], failure: RequestOp[] = []): RequestOp => ({
  requestTxn: txnRequest({ success, failure }),
})

/** Compared together with the comparison, so that a failure shows which one it is about. */
function expectVerdict(holds: boolean, one: Compare, kv: KeyValue | undefined): void {
  expect({ ...one, holds: compareHolds(one, kv) }).toEqual({ ...one, holds })
}

describe('compareHolds', () => {
  const held = { key: 'k', createRevision: 3, modRevision: 7, version: 2, value: 'm', lease: '9007199254740993' }

  lesson(
    'compares what the key has with what the comparison names',
    {
      scenario: 'A key of version 2, created at 3, changed at 7, with value "m" and a lease.',
      rule: '<the key’s field> <result> <the given value>.',
      source: 'etcd rpc.proto, Compare',
    },
    () => {
      expectVerdict(true, compare({ modRevision: 7 }), held)
      expectVerdict(false, compare({ result: 'NOT_EQUAL', modRevision: 7 }), held)
      expectVerdict(true, compare({ target: 'CREATE', result: 'LESS', createRevision: 4 }), held)
      expectVerdict(false, compare({ target: 'CREATE', result: 'GREATER', createRevision: 4 }), held)
      expectVerdict(true, compare({ target: 'VERSION', result: 'GREATER', version: 1 }), held)
      expectVerdict(true, compare({ target: 'VALUE', value: 'm' }), held)
      expectVerdict(true, compare({ target: 'VALUE', result: 'LESS', value: 'z' }), held)
    },
  )

  lesson(
    'tells apart leases that a JavaScript number cannot',
    {
      scenario: 'Two lease ids differ only in their last bit; two others have different numbers of digits.',
      rule: 'Lease ids are 64-bit numbers.',
      source: 'etcd rpc.proto, Compare.lease',
    },
    () => {
      expectVerdict(false, compare({ target: 'LEASE', lease: '9007199254740992' }), held)
      expectVerdict(true, compare({ target: 'LEASE', lease: '9007199254740993' }), held)
      expectVerdict(true, compare({ target: 'LEASE', result: 'GREATER', lease: '10' }), held)
      expectVerdict(false, compare({ target: 'LEASE', result: 'GREATER', lease: '10' }), { ...held, lease: '9' })
    },
  )

  lesson(
    'sees zeros where there is no key, but no value',
    {
      scenario: 'The key does not exist. This is how a client asks "create it only if it is not there".',
      rule: 'Revisions, version and lease of a missing key are 0; comparing its value always fails.',
      source: 'etcd server/etcdserver/txn, applyCompare',
    },
    () => {
      expectVerdict(true, compare({ modRevision: 0 }), undefined)
      expectVerdict(true, compare({}), undefined)
      expectVerdict(false, compare({ target: 'VERSION', result: 'GREATER', version: 0 }), undefined)
      expectVerdict(true, compare({ target: 'LEASE' }), undefined)
      expectVerdict(false, compare({ target: 'VALUE', value: '' }), undefined)
      expectVerdict(false, compare({ target: 'VALUE', result: 'NOT_EQUAL', value: 'x' }), undefined)
    },
  )
})

describe('applyTxn', () => {
  lesson(
    'with nothing to compare, does what it should do on success',
    {
      scenario: 'A transaction without comparisons reads one key of an empty store.',
      rule: 'No comparison is a conjunction of nothing: it holds.',
      source: 'etcd rpc.proto, TxnRequest',
    },
    () => {
      const { succeeded, responses } = new MvccStore().txn(txnRequest({ success: [get('k')] }))
      expect(succeeded, 'succeeded').toBe(true)
      expect(responses).toMatchObject([{ responseRange: { kvs: [], count: 0 } }])
    },
  )

  lesson(
    'does one thing or the other: the way Kubernetes updates an object',
    {
      scenario: 'Two clients have read the key at revision 2 and both want to change it.',
      rule: 'All comparisons must hold for `success`; else `failure` runs, which here reads what is there now.',
      source: 'etcd rpc.proto, TxnRequest',
    },
    () => {
      const store = new MvccStore()
      store.put(putRequest('k', 'original'))
      const update = (value: string) =>
        store.txn(
          txnRequest({ compare: [compare({ modRevision: 2 })], success: [put('k', value)], failure: [get('k')] }),
        )
      expect(update('first')).toMatchObject({ succeeded: true, responses: [{ responsePut: {} }] })
      const second = update('second')
      expect(second.succeeded, 'whether the second update succeeded').toBe(false)
      expect(second.responses[0]!.responseRange!.kvs[0]).toMatchObject({ value: 'first', modRevision: 3 })
      expect(store.revision, 'revision').toBe(3)
    },
  )

  lesson(
    'gives all its changes one revision, and later operations see earlier ones',
    {
      scenario: 'One transaction puts two keys, deletes a third, and reads.',
      rule: 'A transaction is atomic: one revision, in which its operations follow each other.',
      source: 'etcd server/etcdserver/txn',
    },
    () => {
      const store = new MvccStore()
      store.put(putRequest('c', 'x'))
      const { responses } = store.txn(
        txnRequest({ success: [put('a', '1'), put('b', '2'), remove('c'), get('a'), get('c')] }),
      )
      expect(store.revision, 'revision').toBe(3)
      expect([store.get('a'), store.get('b')].map((kv) => kv?.modRevision)).toEqual([3, 3])
      expect(responses[3]!.responseRange!.kvs[0]!.value, 'value of the key put before').toBe('1')
      expect(responses[4]!.responseRange!.count, 'count of the key deleted before').toBe(0)
      const [change, ...others] = store.changesFrom(3)
      expect(change!.events.map(({ type, kv }) => `${type} ${kv.key}`)).toEqual(['PUT a', 'PUT b', 'DELETE c'])
      expect(others).toEqual([])
    },
  )

  lesson(
    'needs every comparison, and compares all keys of a range',
    {
      scenario:
        'One of two comparisons fails; a range has one key that is too new; a nested transaction runs in a branch.',
      rule: 'The comparisons are a conjunction; over a range, every key must satisfy.',
      source: 'etcd rpc.proto, Compare.range_end',
    },
    () => {
      const store = new MvccStore()
      store.put(putRequest('a', '1'))
      store.put(putRequest('b', '2'))
      const holds = (...compares: Compare[]) => store.txn(txnRequest({ compare: compares })).succeeded
      const ab = holds(compare({ key: 'a', modRevision: 2 }), compare({ key: 'b', modRevision: 2 }))
      expect(ab, 'a was changed at 2, b at 3: are both at 2?').toBe(false)
      const below = (modRevision: number) => holds(compare({ key: 'a', rangeEnd: 'c', result: 'LESS', modRevision }))
      expect(below(4), 'all keys from a to c are below revision 4').toBe(true)
      expect(below(3), 'all keys from a to c are below revision 3').toBe(false)
      const { responses } = store.txn(txnRequest({ success: [nested([put('n', 'in'), get('n')])] }))
      expect(responses[0]!.responseTxn).toMatchObject({ succeeded: true })
      expect(store.get('n')).toMatchObject({ value: 'in', modRevision: 4 })
      const absent: RequestOp = {
        requestTxn: txnRequest({ compare: [compare({ key: 'new', modRevision: 0 })], success: [put('yes')] }),
      }
      const { responses: late } = store.txn(txnRequest({ success: [put('new'), absent] }))
      expect(late[1]!.responseTxn?.succeeded, 'decided before anything was done').toBe(true)
    },
  )

  lesson(
    'changes nothing when an operation fails',
    {
      scenario: 'The second operation of a transaction asks for a future revision.',
      rule: 'A transaction takes effect whole or not at all.',
      source: 'etcd server/etcdserver/txn',
    },
    () => {
      const store = new MvccStore()
      const future = { requestRange: rangeRequest({ key: 'a', revision: 99 }) }
      expect(refusal(() => store.txn(txnRequest({ success: [put('a', '1'), future] })))).toContain('future revision')
      expect(store.get('a')).toBeUndefined()
      expect(store.revision, 'revision').toBe(1)
      expect(store.changesFrom(0)).toEqual([])
    },
  )
})

describe('checkWritesOnce', () => {
  const story = {
    scenario: 'A transaction writes a key twice, openly or through a range or a nested transaction.',
    rule: 'A key may be written once per revision; deleting twice is harmless, and two branches never both run.',
    source: 'etcd server/etcdserver/api/v3rpc/key.go, checkIntervals',
  }
  const refused = 'etcdserver: duplicate key given in txn request'

  lesson('refuses two puts of a key, and a put of a key that is also deleted', story, () => {
    expect(refusal(() => checkWritesOnce([put('a'), put('b'), put('a')]))).toContain(refused)
    expect(refusal(() => checkWritesOnce([put('b'), remove('a', 'c')]))).toContain(refused)
    expect(refusal(() => checkWritesOnce([remove('a', 'c'), put('b')]))).toContain(refused)
    expect(refusal(() => checkWritesOnce([put('a'), nested([put('b')], [put('a')])]))).toContain(refused)
    expect(refusal(() => checkWritesOnce([nested([remove('a', '\0')]), put('z')]))).toContain(refused)
  })

  lesson('allows what cannot clash', story, () => {
    expect(refusal(() => checkWritesOnce([put('a'), put('b'), remove('c', 'd'), get('a')]))).toBe('')
    expect(refusal(() => checkWritesOnce([remove('a', 'c'), remove('b', 'd')]))).toBe('')
    expect(refusal(() => checkWritesOnce([nested([put('a')], [put('a')])]))).toBe('')
  })

  lesson('is asked of both branches', story, () => {
    expect(refusal(() => checkTxn(txnRequest({ success: [put('a')], failure: [put('a')] })))).toBe('')
    expect(refusal(() => checkTxn(txnRequest({ failure: [put('a'), put('a')] })))).toContain(refused)
  })
})

describe('compaction', () => {
  lesson(
    'keeps of each key what can still be read',
    {
      scenario: 'A key with versions at 3 and 5, deleted at 8, created again at 9, is compacted at various revisions.',
      rule: 'Reads at the compacted revision and after it must still be answered, older ones need not.',
      source: 'etcd server/storage/mvcc/key_index.go compact',
    },
    () => {
      const at = (revision: number) => ({
        revision,
        kv: { key: 'k', createRevision: revision, modRevision: revision, version: 1, value: '', lease: '0' },
      })
      const versions = [at(3), at(5), { revision: 8 }, at(9)]
      const kept = (revision: number) => compactVersions(versions, revision).map((version) => version.revision)
      expect([2, 3, 4, 5, 7, 8, 9, 10].map((revision) => kept(revision).join(' '))).toEqual([
        '3 5 8 9',
        '3 5 8 9',
        '3 5 8 9',
        '5 8 9',
        '5 8 9',
        '8 9',
        '9',
        '9',
      ])
      expect(compactVersions([at(3), { revision: 4 }], 6), 'deleted long ago').toEqual([])
    },
  )

  lesson(
    'is refused below what is compacted already, and beyond the present',
    {
      scenario: 'The store is at revision 9 and compacted at 4.',
      rule: 'Compacting at or below the compacted revision, or in the future, is an error.',
      source: 'etcd server/storage/mvcc/kvstore.go checkPrevCompactionHash, updateCompactRev',
    },
    () => {
      const check = (revision: number) => () => checkCompaction({ revision: 9, compactRevision: 4 }, revision)
      expect(refusal(check(4))).toContain('etcdserver: mvcc: required revision has been compacted')
      expect(refusal(check(10))).toContain('etcdserver: mvcc: required revision is a future revision')
      expect(refusal(check(5))).toBe('')
      expect(refusal(check(9))).toBe('')
    },
  )

  lesson(
    'ends reads of the past, not of the present',
    {
      scenario: 'A key is put three times; the store is compacted at the second put.',
      rule: 'The compacted revision is the oldest that can be read.',
      source: 'etcd api/v3rpc/rpctypes, ErrCompacted',
    },
    () => {
      const store = new MvccStore()
      for (const value of ['1', '2', '3']) store.put(putRequest('k', value))
      store.compact(3)
      const valueAt = (revision: number) => store.range(rangeRequest({ key: 'k', revision })).kvs[0]?.value
      expect(valueAt(3)).toBe('2')
      expect(valueAt(0)).toBe('3')
      expect(refusal(() => valueAt(2))).toContain('etcdserver: mvcc: required revision has been compacted')
      expect(refusal(() => store.compact(3))).toContain('compacted')
      expect(
        store.changesFrom(0).map(({ revision }) => revision),
        'history left',
      ).toEqual([3, 4])
    },
  )
})
