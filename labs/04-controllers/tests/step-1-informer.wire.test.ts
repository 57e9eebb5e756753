/** The informer's given loop around the learner's store, against the simulated API server. */
import { expect } from 'vitest'
import { startInformer } from '#controllers/informer.ts'
import type { ConfigMap } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { systemClock } from '#kit/contracts/clock.ts'
import { type Log, silentLog } from '#kit/contracts/log.ts'
import { startSimApiServer } from '#kit/sim/api-server.ts'
import { lesson } from '#kit/testing/lesson.ts'

lesson(
  'an informer follows a real server through lost connections and a compaction',
  {
    scenario:
      'ConfigMaps come and go; every connection is broken twice, the second time after the history was compacted.',
    rule: 'Each object is told as added once and as deleted once.',
    source: 'client-go tools/cache/reflector.go',
    timeoutMs: 15_000,
  },
  async () => {
    const server = await startSimApiServer()
    const client = server.client()
    const put = (name: string) => server.store.create('configmaps', { metadata: { name } }, 'default')
    const remove = (name: string) => server.store.delete('configmaps', 'default', name, {})
    let log: Log = silentLog
    const gaveUp = new Promise<never>((_, reject) => {
      log = { ...silentLog, error: (_what, cause) => reject(cause) }
    })
    const informer = startInformer<ConfigMap>({
      client,
      resource: resources.configMaps,
      indexes: {},
      clock: systemClock,
      log,
    })
    const news: string[] = []
    const heard = (...expected: string[]) =>
      Promise.race([
        gaveUp,
        new Promise<void>((resolve) => {
          const look = () => (expected.every((line) => news.includes(line)) ? resolve() : setTimeout(look, 5))
          look()
        }),
      ])
    try {
      informer.subscribe(({ type, object }) => news.push(`${type} ${object.metadata.name}`))
      await Promise.race([informer.synced, gaveUp])
      put('a')
      put('b')
      await heard('added a', 'added b')
      server.dropConnections()
      put('c')
      remove('a')
      await heard('added c', 'deleted a')
      server.dropConnections()
      remove('b')
      server.store.compact()
      put('d')
      await heard('deleted b', 'added d')
      expect(news.toSorted()).toEqual(['added a', 'added b', 'added c', 'added d', 'deleted a', 'deleted b'])
      expect(
        informer
          .list()
          .map(({ metadata }) => metadata.name)
          .sort(),
      ).toEqual(['c', 'd'])
    } finally {
      informer.stop()
      await server.stop()
    }
  },
)
