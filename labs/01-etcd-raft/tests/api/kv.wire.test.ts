/** Range, Put and DeleteRange in all their forms. */
import { expect } from 'vitest'
import type { KeyValue, RangeRequest, RangeResponse, Sparse } from '#kit/etcd-api/messages.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeApi, freshPrefix, refusalOf, story } from './targets.ts'

describeApi('KV', (target) => {
  /** Puts `a=1 b=2 …`, one revision each, under a fresh prefix; gives the revision before the first. */
  const given = async (words: string) => {
    const { prefix, all } = freshPrefix('kv')
    const before = (await target.client.range({ key: 'x' })).header!.revision
    for (const word of words.split(' ')) {
      const [key, value] = word.split('=')
      if (value === undefined) await target.client.deleteRange({ key: `${prefix}${key}` })
      else await target.client.put({ key: `${prefix}${key}`, value })
    }
    const range = async (request: Omit<Sparse<RangeRequest>, 'key'> & { key?: string } = {}) => {
      const { key, ...rest } = request
      const from = key === undefined ? all : { key: `${prefix}${key}` }
      return target.client.range({ ...from, ...rest })
    }
    const shown = ({ kvs }: RangeResponse) => kvs.map((kv) => written(kv, prefix)).join(' ')
    return { prefix, all, before, range, shown }
  }
  const written = ({ key, value }: KeyValue, prefix: string) => `${String(key).slice(prefix.length)}=${value}`

  lesson(
    'a range is one key, an interval, a prefix, or everything from a key on',
    story('Keys a, aa, b and c are asked for in each of these ways.'),
    async () => {
      const { prefix, range, shown, all } = await given('a=1 aa=2 b=3 c=4')
      expect(shown(await range({ key: 'a' }))).toBe('a=1')
      expect(shown(await range({ key: 'none' }))).toBe('')
      expect(shown(await range({ key: 'a', rangeEnd: `${prefix}b` }))).toBe('a=1 aa=2')
      expect(shown(await range({ key: 'b', rangeEnd: `${prefix}a` }))).toBe('')
      expect(shown(await range())).toBe('a=1 aa=2 b=3 c=4')
      const fromKey = await range({ key: 'b', rangeEnd: '\0' })
      expect(shown(fromKey).startsWith('b=3 c=4')).toBe(true)
      const everything = await target.client.range({ key: '\0', rangeEnd: '\0' })
      expect(everything.count).toBeGreaterThanOrEqual((await target.client.range(all)).count)
    },
  )

  lesson(
    'a key-value tells when it was created and changed, and how often',
    story('A key is put twice, deleted, and put again.'),
    async () => {
      const { range, before } = await given('a=1 a=2')
      expect((await range()).kvs[0]).toMatchObject({
        ...{ createRevision: before + 1, modRevision: before + 2, version: 2, lease: '0' },
      })
      const again = await given('a=1 a a=2')
      expect((await again.range()).kvs[0]).toMatchObject({
        ...{ createRevision: again.before + 3, modRevision: again.before + 3, version: 1 },
      })
    },
  )

  lesson(
    'sorts by each of the five targets, in either order',
    story('Four keys whose values, versions and revisions are in different orders.'),
    async () => {
      const { range, shown } = await given('c=1 a=9 b=5 a=4 a=3 c=2')
      const by = async (sortTarget: RangeRequest['sortTarget'], sortOrder: RangeRequest['sortOrder']) =>
        shown(await range({ sortTarget, sortOrder }))
      expect({
        'key up': await by('KEY', 'ASCEND'),
        'key down': await by('KEY', 'DESCEND'),
        'version up': await by('VERSION', 'ASCEND'),
        'version down': await by('VERSION', 'DESCEND'),
        'created up': await by('CREATE', 'ASCEND'),
        'created down': await by('CREATE', 'DESCEND'),
        'changed up': await by('MOD', 'ASCEND'),
        'changed down': await by('MOD', 'DESCEND'),
        'value up': await by('VALUE', 'ASCEND'),
        'value down': await by('VALUE', 'DESCEND'),
        'value, no order': await by('VALUE', 'NONE'),
        'key, no order': await by('KEY', 'NONE'),
      }).toEqual({
        'key up': 'a=3 b=5 c=2',
        'key down': 'c=2 b=5 a=3',
        'version up': 'b=5 c=2 a=3',
        'version down': 'a=3 c=2 b=5',
        'created up': 'c=2 a=3 b=5',
        'created down': 'b=5 a=3 c=2',
        'changed up': 'b=5 a=3 c=2',
        'changed down': 'c=2 a=3 b=5',
        'value up': 'c=2 a=3 b=5',
        'value down': 'b=5 a=3 c=2',
        'value, no order': 'c=2 a=3 b=5',
        'key, no order': 'a=3 b=5 c=2',
      })
    },
  )

  lesson(
    'limits after sorting, says whether there is more, and always counts all',
    story('Three keys; limits of 0, 1, 2, 3 and 4.'),
    async () => {
      const { range, shown } = await given('a=1 b=2 c=3')
      const limited = async (limit: number, different: Sparse<RangeRequest> = {}) => {
        const answer = await range({ limit, ...different } as never)
        return [shown(answer), answer.more, answer.count]
      }
      expect(await limited(0)).toEqual(['a=1 b=2 c=3', false, 3])
      expect(await limited(1)).toEqual(['a=1', true, 3])
      expect(await limited(3)).toEqual(['a=1 b=2 c=3', false, 3])
      expect(await limited(4)).toEqual(['a=1 b=2 c=3', false, 3])
      expect(await limited(2, { sortTarget: 'KEY', sortOrder: 'DESCEND' })).toEqual(['c=3 b=2', true, 3])
    },
  )

  lesson('gives keys only, or a count only', story('Three keys, one of them deleted.'), async () => {
    const { range, shown } = await given('a=1 b=2 c=3 b')
    const keysOnly = await range({ keysOnly: true })
    expect(shown(keysOnly)).toBe('a= c=')
    expect(keysOnly.kvs[0]).toMatchObject({ version: 1, createRevision: expect.any(Number) })
    expect(await range({ countOnly: true })).toMatchObject({ kvs: [], more: false, count: 2 })
  })

  lesson(
    'filters by when keys were created and changed, bounds included',
    story('Keys a, b, c are created one after the other; then a is changed.'),
    async () => {
      const { range, shown, before } = await given('a=1 b=2 c=3 a=4')
      expect(shown(await range({ minModRevision: before + 3 }))).toBe('a=4 c=3')
      expect(shown(await range({ maxModRevision: before + 3 }))).toBe('b=2 c=3')
      expect(shown(await range({ minCreateRevision: before + 2 }))).toBe('b=2 c=3')
      expect(shown(await range({ maxCreateRevision: before + 2 }))).toBe('a=4 b=2')
      expect((await range({ minModRevision: before + 3, maxModRevision: before + 3 })).count).toBe(3)
    },
  )

  lesson(
    'reads the past, and neither the future nor what is compacted',
    story('A key has three values and is deleted. The store is compacted at the second.', 'etcd rpctypes/error.go'),
    async () => {
      const { range, shown, before } = await given('a=1 a=2 a=3 a')
      const at = async (revision: number) => shown(await range({ revision }))
      expect(await at(before + 1)).toBe('a=1')
      expect(await at(before + 3)).toBe('a=3')
      expect(await at(before + 4)).toBe('')
      expect((await range({ revision: before + 1 })).header!.revision).toBe(before + 4)
      expect(await refusalOf(range({ revision: before + 5 }))).toBe(
        'OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision',
      )
      const compact = (revision: number) => refusalOf(target.client.compact({ revision, physical: true }))
      expect(await compact(before + 5)).toBe('OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision')
      expect(await compact(before + 2)).toBe('accepted')
      const gone = 'OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted'
      expect(await compact(before + 2)).toBe(gone)
      expect(await compact(before + 1)).toBe(gone)
      expect(await refusalOf(range({ revision: before + 1 }))).toBe(gone)
      expect(await at(before + 2)).toBe('a=2')
      expect(await at(0)).toBe('')
    },
  )

  lesson(
    'a put tells what was there, and keeps value or lease if asked to',
    story('A key is put with prev_kv, ignore_value and ignore_lease.'),
    async () => {
      const { client } = target
      const key = `${freshPrefix('put').prefix}k`
      const { ID } = await client.leaseGrant({ TTL: 600 })
      expect(await client.put({ key, value: '1', prevKv: true })).not.toHaveProperty('prevKv')
      expect((await client.put({ key, value: '2', prevKv: true })).prevKv).toMatchObject({ version: 1 })
      await client.put({ key, ignoreValue: true, lease: ID })
      expect((await client.range({ key })).kvs[0]).toMatchObject({ lease: ID, version: 3, value: Buffer.from('2') })
      await client.put({ key, value: '3', ignoreLease: true })
      expect((await client.range({ key })).kvs[0]).toMatchObject({ lease: ID, value: Buffer.from('3') })
      await client.put({ key, value: '4' })
      expect((await client.range({ key })).kvs[0]).toMatchObject({ lease: '0' })
    },
  )

  lesson(
    'deletes a range at one revision, and takes none to delete nothing',
    story('Three keys; a range of two is deleted, with and without prev_kv; then again.'),
    async () => {
      const { prefix, before, all } = await given('a=1 b=2 c=3')
      const two = { key: `${prefix}a`, rangeEnd: `${prefix}c` }
      const deleted = await target.client.deleteRange({ ...two, prevKv: true })
      expect(deleted.deleted).toBe(2)
      expect(deleted.prevKvs.map(({ value }) => String(value))).toEqual(['1', '2'])
      expect(deleted.header!.revision).toBe(before + 4)
      expect(await target.client.deleteRange(two)).toMatchObject({ deleted: 0, prevKvs: [] })
      const rest = await target.client.deleteRange(all)
      expect(rest).toMatchObject({ deleted: 1, prevKvs: [] })
      expect(rest.header!.revision).toBe(before + 5)
    },
  )

  lesson(
    'refuses what makes no sense, each with its code and text',
    story(
      'Requests without a key, with contradictions, with a lease that is not there, too large.',
      'etcd rpctypes/error.go',
    ),
    async () => {
      const { client } = target
      const key = `${freshPrefix('none').prefix}k`
      expect({
        'range without key': await refusalOf(client.range({ key: '' })),
        'put without key': await refusalOf(client.put({ key: '' })),
        'delete without key': await refusalOf(client.deleteRange({ key: '' })),
        'value and ignore_value': await refusalOf(client.put({ key, value: 'x', ignoreValue: true })),
        'lease and ignore_lease': await refusalOf(client.put({ key, lease: '7', ignoreLease: true })),
        'ignore_value of no key': await refusalOf(client.put({ key, ignoreValue: true })),
        'ignore_lease of no key': await refusalOf(client.put({ key, ignoreLease: true })),
        'unknown lease': await refusalOf(client.put({ key, lease: '123456' })),
        'too large': await refusalOf(client.put({ key, value: Buffer.alloc(1.6 * 1024 * 1024) })),
      }).toEqual({
        'range without key': 'INVALID_ARGUMENT: etcdserver: key is not provided',
        'put without key': 'INVALID_ARGUMENT: etcdserver: key is not provided',
        'delete without key': 'INVALID_ARGUMENT: etcdserver: key is not provided',
        'value and ignore_value': 'INVALID_ARGUMENT: etcdserver: value is provided',
        'lease and ignore_lease': 'INVALID_ARGUMENT: etcdserver: lease is provided',
        'ignore_value of no key': 'INVALID_ARGUMENT: etcdserver: key not found',
        'ignore_lease of no key': 'INVALID_ARGUMENT: etcdserver: key not found',
        'unknown lease': 'NOT_FOUND: etcdserver: requested lease not found',
        'too large': 'INVALID_ARGUMENT: etcdserver: request is too large',
      })
    },
  )

  lesson(
    'every answer says who gave it, in which cluster and term, at which revision',
    story('A put, a linearizable and a serializable range, and the member list.'),
    async () => {
      const { client } = target
      const key = `${freshPrefix('header').prefix}k`
      const put = await client.put({ key })
      const headers = [
        (await client.range({ key })).header,
        (await client.range({ key, serializable: true })).header,
        (await client.memberList()).header,
      ]
      const [member] = (await client.memberList()).members
      const { clusterId, memberId, raftTerm } = put.header!
      expect(memberId).toBe(member!.ID)
      expect(clusterId).toMatch(/^[1-9]\d*$/)
      expect(raftTerm).toBeGreaterThan(0)
      for (const header of headers.slice(0, 2)) expect(header).toEqual(put.header)
      // The member list has no revision to tell of; 3.5 leaves it out.
      expect(headers[2]).toMatchObject({ clusterId, memberId, raftTerm })
    },
  )
})
