/**
 * Of etcd, the API server asks only what upstream's storage asks: so whatever is there for upstream's is there for ours, and
 * etcd's users who limit what it may be asked need not make exceptions.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApiServer } from '#apiserver/server.ts'
import { compactOnce } from '#apiserver/storage/compactor.ts'
import { startMember } from '#etcd/member.ts'
import { resources } from '../api/resources.ts'
import { createApiClient } from '../client/api-client.ts'
import { silentLog } from '../contracts/log.ts'
import type { RunningComponent } from '../contracts/running-component.ts'
import { createEtcdClient, type EtcdClient } from '../etcd-api/client.ts'
import { freePort } from '../etcd-api/real-etcd.ts'
import { eventually } from '../testing/eventually.ts'
import { createEtcdKeyValueStore } from './etcd-key-value-store.ts'

interface Call {
  readonly method: string
  readonly request: unknown
}

/** The client, and what it was asked to do. */
function recorded(client: EtcdClient, calls: Call[]): EtcdClient {
  return new Proxy(client, {
    get(target, method: string) {
      const value = Reflect.get(target, method) as unknown
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.push({ method, request: args[0] })
        return Reflect.apply(value, target, args)
      }
    },
  })
}

describe('of etcd', () => {
  const calls: Call[] = []
  let directory = ''
  const running: RunningComponent[] = []

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etcd-calls-'))
    const [clientUrl, peerUrl] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
    const member = await startMember({
      name: 'own',
      dataDirectory: directory,
      listenClientUrls: [clientUrl],
      listenPeerUrls: [peerUrl],
      initialCluster: `own=${peerUrl}`,
      heartbeatIntervalMs: 20,
      electionTimeoutMs: 100,
      log: silentLog,
    })
    const etcd = await eventually(() =>
      createEtcdKeyValueStore(recorded(createEtcdClient({ endpoints: [clientUrl] }), calls)),
    )
    const server = await startApiServer({
      etcd,
      bindAddresses: ['127.0.0.1'],
      port: 0,
      advertiseAddress: '127.0.0.1',
      serviceClusterIpRange: '10.96.0.0/16',
      tokens: new Map([['t', { name: 'admin', groups: ['system:masters'] }]]),
      log: silentLog,
    })
    running.push(server, member)
    const client = createApiClient({ server: `http://127.0.0.1:${server.port}`, token: 't' })
    await eventually(() => client.get(resources.namespaces, { name: 'default' }))
    const at = { namespace: 'default', name: 'a' }
    await client.create(resources.configMaps, { metadata: at, data: { v: '1' } })
    await client.patch(resources.configMaps, at, 'application/merge-patch+json', { data: { v: '2' } })
    await client.list(resources.configMaps)
    await client.list(resources.configMaps, { resourceVersion: '0' })
    await client.create(resources.coreEvents, {
      metadata: at,
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'a' },
    })
    await client.delete(resources.configMaps, at)
    await compactOnce(etcd, await compactOnce(etcd, { modRevision: 0, revision: 0 }))
    client.close()
  })
  afterAll(async () => {
    for (const component of running) await component.stop()
    await rm(directory, { recursive: true, force: true })
  })

  it('six calls are asked for, and no other', () => {
    const asked = new Set(calls.map(({ method }) => method).filter((method) => method !== 'close'))
    expect([...asked].sort()).toEqual(['compact', 'leaseGrant', 'range', 'status', 'txn', 'watch'])
  })

  it('transactions compare one version, do one thing, and else read one key', () => {
    const transactions = calls.filter(({ method }) => method === 'txn').map(({ request }) => request)
    expect(transactions.length).toBeGreaterThan(10)
    for (const transaction of transactions) {
      const { compare, success, failure } = transaction as Record<string, Record<string, unknown>[]>
      expect(compare).toEqual([expect.objectContaining({ target: 'MOD', result: 'EQUAL' })])
      expect(success?.map((operation) => Object.keys(operation)[0])).toEqual([
        expect.stringMatching(/^(requestPut|requestDeleteRange)$/),
      ])
      expect((failure ?? []).flatMap((operation) => Object.keys(operation))).toEqual(
        (failure ?? []).map(() => 'requestRange'),
      )
    }
  })

  it('one watch is asked for a kind, from a revision, with what was there before', () => {
    const watches = calls.filter(({ method }) => method === 'watch').map(({ request }) => request) as {
      key: string
      prevKv: boolean
      startRevision: number
    }[]
    expect(new Set(watches.map(({ key }) => key)).size).toBe(watches.length)
    for (const { prevKv, startRevision } of watches) {
      expect({ prevKv, isFromRevision: startRevision > 0 }).toEqual({ prevKv: true, isFromRevision: true })
    }
  })
})
