/** Transactions: comparisons of every kind, nested ones, and what they are refused for. */
import { expect } from 'vitest'
import type { Compare, RequestOp, Sparse, TxnResponse } from '#kit/etcd-api/messages.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeApi, freshPrefix, refusalOf, story } from './targets.ts'

describeApi('Txn', (target) => {
  const put = (key: string, value = ''): Sparse<RequestOp> => ({ requestPut: { key, value } })
  const get = (key: string): Sparse<RequestOp> => ({ requestRange: { key } })
  const remove = (key: string, rangeEnd = ''): Sparse<RequestOp> => ({ requestDeleteRange: { key, rangeEnd } })
  const holds = async (...compare: Sparse<Compare>[]) => (await target.client.txn({ compare })).succeeded
  const read = ({ responses }: TxnResponse, place: number) =>
    responses[place]?.responseRange?.kvs.map(({ value }) => `${value}`)

  lesson(
    'compares version, revisions, value and lease, in four ways',
    story('A key of version 2 with value "m" and a lease is compared with what is less, equal and greater.'),
    async () => {
      const key = `${freshPrefix('compare').prefix}k`
      const { ID } = await target.client.leaseGrant({ TTL: 600, ID: '5000' })
      const created = (await target.client.put({ key, value: 'x' })).header!.revision
      const changed = (await target.client.put({ key, value: 'm', lease: ID })).header!.revision
      const fields = {
        VERSION: [{ version: 1 }, { version: 2 }, { version: 3 }],
        CREATE: [{ createRevision: created - 1 }, { createRevision: created }, { createRevision: created + 1 }],
        MOD: [{ modRevision: changed - 1 }, { modRevision: changed }, { modRevision: changed + 1 }],
        VALUE: [{ value: 'l' }, { value: 'm' }, { value: 'ma' }],
        LEASE: [{ lease: '4999' }, { lease: '5000' }, { lease: '5001' }],
      } as const
      for (const [name, three] of Object.entries(fields)) {
        const outcomes = []
        for (const named of three) {
          const each = []
          for (const result of ['EQUAL', 'NOT_EQUAL', 'GREATER', 'LESS'] as const) {
            each.push(await holds({ key, target: name as Compare['target'], result, ...named }))
          }
          outcomes.push(each.map((yes) => (yes ? 'y' : 'n')).join(''))
        }
        expect(outcomes, name).toEqual(['nyyn', 'ynnn', 'nyny'])
      }
    },
  )

  lesson(
    'a key that is not there has version, revisions and lease 0, and no value at all',
    story('A key that was never put is compared with zeros and with values.'),
    async () => {
      const key = `${freshPrefix('absent').prefix}k`
      expect(await holds({ key, target: 'VERSION', result: 'EQUAL', version: 0 })).toBe(true)
      expect(await holds({ key, target: 'CREATE', result: 'EQUAL', createRevision: 0 })).toBe(true)
      expect(await holds({ key, target: 'MOD', result: 'LESS', modRevision: 1 })).toBe(true)
      expect(await holds({ key, target: 'LEASE', result: 'EQUAL', lease: '0' })).toBe(true)
      expect(await holds({ key, target: 'VALUE', result: 'NOT_EQUAL', value: 'x' })).toBe(false)
      expect(await holds({ key, target: 'VALUE', result: 'EQUAL', value: '' })).toBe(false)
    },
  )

  lesson(
    'a comparison of a range holds if it holds for each key in it',
    story('Keys a and b have versions 1 and 2; ranges of both, of one and of none are compared.'),
    async () => {
      const { prefix, all } = freshPrefix('range')
      await target.client.put({ key: `${prefix}a` })
      for (let time = 0; time < 2; time++) await target.client.put({ key: `${prefix}b` })
      expect(await holds({ ...all, target: 'VERSION', result: 'GREATER', version: 0 })).toBe(true)
      expect(await holds({ ...all, target: 'VERSION', result: 'EQUAL', version: 2 })).toBe(false)
      const fromB = { key: `${prefix}b`, rangeEnd: `${prefix}c` }
      expect(await holds({ ...fromB, target: 'VERSION', result: 'EQUAL', version: 2 })).toBe(true)
      const none = { key: `${prefix}x`, rangeEnd: `${prefix}y` }
      expect(await holds({ ...none, target: 'VERSION', result: 'EQUAL', version: 0 })).toBe(true)
      expect(await holds({ ...none, target: 'VERSION', result: 'GREATER', version: 0 })).toBe(false)
    },
  )

  lesson(
    'all comparisons must hold; then one list of operations is done, else the other',
    story('Two comparisons, one of which is wrong in the second transaction.'),
    async () => {
      const { prefix } = freshPrefix('branch')
      const isNew = { key: `${prefix}k`, target: 'MOD', result: 'EQUAL', modRevision: 0 } as const
      const isOld = { key: `${prefix}k`, target: 'VERSION', result: 'GREATER', version: 0 } as const
      const branches = { success: [put(`${prefix}k`, 'yes')], failure: [put(`${prefix}k`, 'no')] }
      expect((await target.client.txn({ compare: [isNew], ...branches })).succeeded).toBe(true)
      expect((await target.client.txn({ compare: [isOld, isNew], ...branches })).succeeded).toBe(false)
      expect(String((await target.client.range({ key: `${prefix}k` })).kvs[0]!.value)).toBe('no')
      expect(await target.client.txn({})).toMatchObject({ succeeded: true, responses: [] })
    },
  )

  lesson(
    'operations see what those before them did, and all have one revision',
    story('One transaction: get, put, get, delete, get, put of two other keys.'),
    async () => {
      const { prefix, all } = freshPrefix('order')
      const [a, b, c] = ['a', 'b', 'c'].map((name) => `${prefix}${name}`) as [string, string, string]
      const before = (await target.client.put({ key: a, value: '1' })).header!.revision
      const answer = await target.client.txn({
        success: [get(a), put(b, '2'), get(b), remove(a), get(a), put(c, '3')],
      })
      expect([0, 2, 4].map((place) => read(answer, place))).toEqual([['1'], ['2'], []])
      expect(answer.responses[3]!.responseDeleteRange!.deleted).toBe(1)
      expect(answer.header!.revision).toBe(before + 1)
      const { kvs } = await target.client.range(all)
      expect(kvs.map(({ modRevision }) => modRevision)).toEqual([before + 1, before + 1])
      const readOnly = await target.client.txn({ success: [get(a)] })
      expect(readOnly.header!.revision).toBe(before + 1)
    },
  )

  lesson(
    'nested transactions choose their branches, decided before anything is done',
    story('A put of k, and nested in the same transaction a comparison of k.', 'etcd server/etcdserver/txn'),
    async () => {
      const { prefix } = freshPrefix('nested')
      const [k, branch] = [`${prefix}k`, `${prefix}branch`]
      const isNew: Sparse<Compare> = { key: k, target: 'MOD', result: 'EQUAL', modRevision: 0 }
      const nested = { compare: [isNew], success: [put(branch, 'new')], failure: [put(branch, 'old')] }
      const first = await target.client.txn({ success: [put(k), { requestTxn: nested }, get(branch)] })
      expect(first.responses[1]!.responseTxn).toMatchObject({ succeeded: true })
      expect(read(first, 2)).toEqual(['new'])
      const deep = { success: [{ requestTxn: { success: [{ requestTxn: nested }] } }] }
      const second = await target.client.txn(deep)
      const inner = second.responses[0]!.responseTxn!.responses[0]!.responseTxn!
      expect(inner).toMatchObject({ succeeded: false })
    },
  )

  lesson(
    'refuses to write a key twice, too many operations, empty keys, and what cannot be read',
    story('Transactions that are wrong in one way each; nothing of them is done.', 'etcd rpctypes/error.go'),
    async () => {
      const { prefix, all } = freshPrefix('refused')
      const [a, b] = [`${prefix}a`, `${prefix}b`]
      const refused = (success: Sparse<RequestOp>[], compare: Sparse<Compare>[] = []) =>
        refusalOf(target.client.txn({ compare, success }))
      const many = (count: number) => Array.from({ length: count }, (_, place) => get(`${prefix}${place}`))
      const { revision } = (await target.client.range({ key: a })).header!
      expect({
        'put twice': await refused([put(a), put(a)]),
        'put and deleted': await refused([put(a), remove(a, b)]),
        'deleted twice': await refused([remove(a), remove(a)]),
        'put in both branches of a nested one': await refused([
          { requestTxn: { success: [put(b)], failure: [put(b)] } },
        ]),
        'put outside and inside': await refused([put(b), { requestTxn: { success: [put(b)] } }]),
        '129 operations': await refused(many(129)),
        '128 operations': await refused(many(128)),
        'get without key': await refused([get('')]),
        'put without key': await refused([put('')]),
        'compare without key': await refused([], [{ key: '', target: 'VERSION', result: 'EQUAL', version: 0 }]),
        'unknown lease': await refused([put(`${prefix}c`), { requestPut: { key: a, lease: '424242' } }]),
        'future revision': await refused([put(`${prefix}c`), { requestRange: { key: a, revision: revision + 100 } }]),
      }).toEqual({
        'put twice': 'INVALID_ARGUMENT: etcdserver: duplicate key given in txn request',
        'put and deleted': 'INVALID_ARGUMENT: etcdserver: duplicate key given in txn request',
        'deleted twice': 'accepted',
        'put in both branches of a nested one': 'accepted',
        'put outside and inside': 'INVALID_ARGUMENT: etcdserver: duplicate key given in txn request',
        '129 operations': 'INVALID_ARGUMENT: etcdserver: too many operations in txn request',
        '128 operations': 'accepted',
        'get without key': 'INVALID_ARGUMENT: etcdserver: key is not provided',
        'put without key': 'INVALID_ARGUMENT: etcdserver: key is not provided',
        'compare without key': 'INVALID_ARGUMENT: etcdserver: key is not provided',
        'unknown lease': 'NOT_FOUND: etcdserver: requested lease not found',
        'future revision': 'OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision',
      })
      expect((await target.client.range(all)).kvs.map(({ key }) => String(key))).toEqual([b])
    },
  )
})
