/**
 * Watches through trouble: etcd goes away for a moment, etcd forgets, many watch at once.
 */
import { setMaxListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startApiServer } from '#apiserver/server.ts'
import type { ApiObject } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { createApiClient } from '../client/api-client.ts'
import type { ApiClient, WatchEvent } from '../contracts/api-client.ts'
import type { HttpServer } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore, type SimEtcdStore } from '../sim/etcd-store.ts'

const configMap = (name: string, value: string): ApiObject => ({
  metadata: { name, namespace: 'default' },
  data: { value },
})

describe('watches', { timeout: 60_000 }, () => {
  let etcd: SimEtcdStore
  let server: HttpServer
  let client: ApiClient
  let controller: AbortController

  beforeEach(async () => {
    etcd = createSimEtcdStore()
    server = await startApiServer({
      etcd,
      bindAddresses: ['127.0.0.1'],
      port: 0,
      advertiseAddress: '127.0.0.1',
      serviceClusterIpRange: '10.96.0.0/16',
      tokens: new Map([['t', { name: 'admin', groups: ['system:masters'] }]]),
      log: silentLog,
    })
    client = createApiClient({ server: `http://127.0.0.1:${server.port}`, token: 't' })
    controller = new AbortController()
    setMaxListeners(100, controller.signal)
    await until(() => etcd.contents().has('/registry/namespaces/default'))
  })

  afterEach(async () => {
    controller.abort()
    client.close()
    await server.stop()
  })

  it('go on without a gap when etcd was away for a moment', async () => {
    const { resourceVersion } = await client.list(resources.configMaps)
    const events = collect(client.watch(resources.configMaps, { resourceVersion }, controller.signal), 4)
    for (const name of ['a', 'b']) await client.create(resources.configMaps, configMap(name, '1'))
    etcd.breakWatches()
    for (const name of ['c', 'd']) await client.create(resources.configMaps, configMap(name, '1'))
    expect((await events).map(({ object }) => object.metadata.name)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('end with 410 when etcd has forgotten what they missed, and a new list shows everything', async () => {
    const { resourceVersion } = await client.list(resources.configMaps)
    await client.create(resources.configMaps, configMap('before', '1'))
    etcd.breakWatches()
    etcd.put('/registry/configmaps/default/missed', JSON.stringify({ ...configMap('missed', '1'), kind: 'ConfigMap' }))
    await etcd.compact(etcd.revision)
    const isListed = async () => {
      const { items } = await client.list(resources.configMaps, { resourceVersion: '0' })
      return items.some(({ metadata }) => metadata.name === 'missed')
    }
    await until(isListed)
    const watch = collect(client.watch(resources.configMaps, { resourceVersion }, controller.signal), 1)
    await expect(watch).rejects.toMatchObject({ code: 410, reason: 'Expired' })
  })

  it('show the same to all who watch', async () => {
    const { resourceVersion } = await client.list(resources.configMaps)
    const watchers = Array.from({ length: 50 }, () =>
      collect(client.watch(resources.configMaps, { resourceVersion }, controller.signal), 20),
    )
    for (let i = 0; i < 20; i++) await client.create(resources.configMaps, configMap(`shown-${i}`, '1'))
    const seen = (await Promise.all(watchers)).map((events) =>
      events.map(({ type, object }) => `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`),
    )
    expect(new Set(seen.map((one) => one.join())).size).toBe(1)
    expect(seen[0]).toHaveLength(20)
  })
})

async function collect<T>(watch: AsyncIterable<WatchEvent<T>>, count: number): Promise<WatchEvent<T>[]> {
  const events: WatchEvent<T>[] = []
  for await (const event of watch) {
    if (event.type !== 'BOOKMARK') events.push(event)
    if (events.length === count) break
  }
  return events
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}
