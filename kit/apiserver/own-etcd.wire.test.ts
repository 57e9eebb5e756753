/** The API server's store on our own etcd of lab 1: the same suite as on the real one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { startMember } from '#etcd/member.ts'
import { silentLog } from '../contracts/log.ts'
import type { RunningComponent } from '../contracts/running-component.ts'
import { createEtcdClient } from '../etcd-api/client.ts'
import { freePort } from '../etcd-api/real-etcd.ts'
import { createEtcdKeyValueStore } from './etcd-key-value-store.ts'
import { storeSuite } from './testing/store-suite.ts'

describe('our own etcd', () => {
  let member: RunningComponent | undefined
  let dataDirectory = ''

  storeSuite(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'own-etcd-'))
    const [clientUrl, peerUrl] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
    member = await startMember({
      name: 'own',
      dataDirectory,
      listenClientUrls: [clientUrl],
      listenPeerUrls: [peerUrl],
      initialCluster: `own=${peerUrl}`,
      heartbeatIntervalMs: 20,
      electionTimeoutMs: 100,
      log: silentLog,
    })
    return createEtcdKeyValueStore(createEtcdClient({ endpoints: [clientUrl] }))
  })

  afterAll(async () => {
    await member?.stop()
    await rm(dataDirectory, { recursive: true, force: true })
  })
})
