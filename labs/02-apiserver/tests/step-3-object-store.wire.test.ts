/** The store contract, kept by the etcd in memory and by a real one: what makes the first believable. */
import { afterAll, describe } from 'vitest'
import { createEtcdKeyValueStore } from '#kit/apiserver/etcd-key-value-store.ts'
import { storeSuite } from '#kit/apiserver/testing/store-suite.ts'
import { createEtcdClient } from '#kit/etcd-api/client.ts'
import { type RealEtcd, startRealEtcd } from '#kit/etcd-api/real-etcd.ts'
import { createSimEtcdStore } from '#kit/sim/etcd-store.ts'
import { describeWith } from '#kit/testing/tools.ts'

describe('the etcd in memory', () => storeSuite(async () => createSimEtcdStore()))

describeWith(['etcd'], 'a real etcd', () => {
  let etcd: RealEtcd | undefined
  storeSuite(async () => {
    etcd = await startRealEtcd()
    return createEtcdKeyValueStore(createEtcdClient({ endpoints: [etcd.endpoint] }))
  })
  afterAll(() => etcd?.stop())
})
