import { afterAll, beforeAll, describe, expect } from 'vitest'
import { KindCache } from '#apiserver/storage/kind-cache.ts'
import { systemClock } from '../contracts/clock.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore, type SimEtcdStore } from '../sim/etcd-store.ts'
import { lesson } from '../testing/lesson.ts'

const PREFIX = '/registry/configmaps/'

describe('the history of a cache', () => {
  let etcd: SimEtcdStore
  let kind: KindCache
  beforeAll(async () => {
    etcd = createSimEtcdStore()
    kind = new KindCache({ store: etcd, prefix: PREFIX, clock: systemClock, log: silentLog })
    await kind.synced()
  })
  afterAll(() => {
    kind.stop()
    etcd.close()
  })

  /** Changes the same object, and waits until the cache has seen it. */
  const change = async (times: number, bytes: number) => {
    const value = JSON.stringify({ metadata: { name: 'a' }, data: { padding: 'x'.repeat(bytes) } })
    let revision = 0
    for (let i = 0; i < times; i++) revision = etcd.put(`${PREFIX}default/a`, value)
    expect(await kind.waitFor(revision, 20_000)).toBe(true)
    return revision
  }
  const remembered = (position: number) => kind.cache.changesAfter(position)

  lesson(
    'remembers many small changes, and of large ones only as many as fit',
    {
      scenario: 'A ConfigMap is changed thousands of times; then somebody puts half a megabyte into it and goes on.',
      rule: 'The history is bounded in bytes, not only in number; who is too far behind learns that, and lists again.',
      source: 'apiserver pkg/storage/cacher/watch_cache.go (there: by age and number)',
    },
    async () => {
      const start = await change(1, 10)
      await change(5_000, 10)
      expect(remembered(start)).toHaveLength(5_000)

      await change(300, 500_000)
      expect(remembered(start)).toBe('expired')
      const kept = kind.cache.revision - kind.cache.oldestPosition
      expect(kept).toBeGreaterThan(50)
      expect(kept).toBeLessThan(200)

      const later = await change(1, 10)
      await change(3_000, 10)
      expect(remembered(later)).toHaveLength(3_000)
    },
  )
})
