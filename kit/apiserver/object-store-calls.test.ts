import { expect, it } from 'vitest'
import { ObjectStore, storedObject, storedText } from '#apiserver/storage/object-store.ts'
import type { ApiObject } from '../api/objects.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'

const KEY = '/registry/configmaps/default/settings'
const object: ApiObject = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'settings' }, data: { count: '0' } }

it('an update on an old copy needs no read: the transaction that fails brings what there is', async () => {
  const etcd = createSimEtcdStore()
  let reads = 0
  const store = new ObjectStore({
    ...etcd,
    range: (options) => {
      reads++
      return etcd.range(options)
    },
    txn: (request) => etcd.txn(request),
  })
  const count = (data: string) => async (current?: ApiObject) => ({ put: { ...current, data: { count: data } } })
  const old = await store.create(KEY, object)
  await store.guaranteedUpdate(KEY, count('1'), old)
  const after = await store.guaranteedUpdate(KEY, count('2'), old)
  expect(after.data).toEqual({ count: '2' })
  expect(reads).toBe(0)
})

it('what was written is the same object for the writer and for whoever hears of it', async () => {
  const store = new ObjectStore(createSimEtcdStore())
  const another: ApiObject = { ...object, data: { of: 'this test' } }
  const written = await store.create(KEY, another)
  expect(storedObject(storedText(another), Number(written?.metadata.resourceVersion))).toBe(written)
})
