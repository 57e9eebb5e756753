import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../testing/tools.ts'
import { createEtcdClient, type EtcdClient } from './client.ts'
import { messageCodec } from './codec.ts'
import type { KeyEvent, PutRequest, TxnRequest } from './messages.ts'
import { type RealEtcd, startRealEtcd } from './real-etcd.ts'
import { etcdProto } from './services.ts'

it('decodes what it encoded, with defaults filled in and only the set field of a oneof', () => {
  const codec = messageCodec<TxnRequest<string>>(etcdProto(), 'etcdserverpb.TxnRequest', 'byte-string')
  const bytes = codec.encode({
    compare: [{ target: 'MOD', result: 'EQUAL', key: '\xff\x00', modRevision: 2 ** 40 }],
    success: [{ requestPut: { key: 'a', value: 'b', lease: '7587862094123456789' } }],
  })
  expect(codec.decode(bytes)).toEqual({
    compare: [{ target: 'MOD', result: 'EQUAL', key: '\xff\x00', modRevision: 2 ** 40, rangeEnd: '' }],
    success: [
      {
        requestPut: {
          key: 'a',
          value: 'b',
          lease: '7587862094123456789',
          prevKv: false,
          ignoreValue: false,
          ignoreLease: false,
        },
      },
    ],
    failure: [],
  })
})

it('sends what is not a default, though it looks like one', () => {
  const codec = messageCodec<PutRequest>(etcdProto(), 'etcdserverpb.PutRequest', 'buffer')
  expect(codec.decode(codec.encode({ key: '0', value: '0' }))).toMatchObject({
    key: Buffer.from('0'),
    value: Buffer.from('0'),
  })
  expect(codec.encode({ key: '', value: Buffer.alloc(0), lease: '0', prevKv: false })).toHaveLength(0)
})

describeWith(['etcd'], 'the client against a real etcd', () => {
  let etcd: RealEtcd
  let client: EtcdClient

  beforeAll(async () => {
    etcd = await startRealEtcd()
    // The first endpoint answers nothing, so everything below has also been through fail-over.
    client = createEtcdClient({ endpoints: ['http://127.0.0.1:1', etcd.endpoint] })
  }, 30_000)
  afterAll(async () => {
    client?.close()
    await etcd?.stop()
  })

  it('puts, reads and deletes', async () => {
    const { header } = await client.put({ key: 'k', value: 'ü' })
    const { kvs, count } = await client.range({ key: 'k' })
    expect(count).toBe(1)
    expect(kvs[0]).toMatchObject({ modRevision: header!.revision, version: 1, lease: '0' })
    expect(kvs[0]!.value.toString()).toBe('ü')
    expect((await client.deleteRange({ key: 'k', prevKv: true })).prevKvs).toHaveLength(1)
  })

  it('runs transactions', async () => {
    const create = {
      compare: [{ key: 't', target: 'MOD', result: 'EQUAL', modRevision: 0 }],
      success: [{ requestPut: { key: 't', value: '1' } }],
      failure: [{ requestRange: { key: 't' } }],
    } as const
    expect((await client.txn(create)).succeeded).toBe(true)
    const second = await client.txn(create)
    expect(second.succeeded).toBe(false)
    expect(second.responses[0]!.responseRange!.kvs[0]!.value.toString()).toBe('1')
  })

  it('watches from a revision, with progress and cancel', async () => {
    const first = (await client.put({ key: 'w/1', value: 'x' })).header!.revision
    await client.deleteRange({ key: 'w/1' })
    const events: KeyEvent[] = []
    const ended = await new Promise((resolve) => {
      const watch = client.watch(
        { key: 'w/', rangeEnd: 'w0', startRevision: first, prevKv: true },
        {
          onEvents(more) {
            events.push(...more)
            if (events.length === 2) watch.cancel()
          },
          onEnd: resolve,
        },
      )
    })
    expect(ended).toBeUndefined()
    expect(events.map(({ type, prevKv }) => [type, prevKv?.value.toString()])).toEqual([
      ['PUT', undefined],
      ['DELETE', 'x'],
    ])
  })

  it('reports errors with their code and text', async () => {
    await expect(client.range({ key: 'k', revision: 1_000_000 })).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      message: 'etcdserver: mvcc: required revision is a future revision',
      definite: true,
    })
    await expect(client.put({ key: '' })).rejects.toThrow('etcdserver: key is not provided')
    await client.compact({ revision: (await client.put({ key: 'k' })).header!.revision })
    const error = await new Promise((onEnd) => client.watch({ key: 'k', startRevision: 1 }, { onEvents() {}, onEnd }))
    expect(error).toMatchObject({ message: 'etcdserver: mvcc: required revision has been compacted' })
    expect(error).toHaveProperty('compactRevision', expect.any(Number))
  })

  it('grants, renews and lists leases, and tells of the cluster', async () => {
    const { ID } = await client.leaseGrant({ TTL: 60 })
    expect(await client.leaseKeepAlive({ ID })).toMatchObject({ ID, TTL: 60 })
    expect((await client.leaseLeases()).leases).toContainEqual({ ID })
    await client.leaseRevoke({ ID })
    const { leader } = await client.status()
    expect((await client.memberList()).members.map((member) => member.ID)).toEqual([leader])
  })
})
