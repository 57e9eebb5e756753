/**
 * Two clients watch the same objects over real connections; one of them never reads. The whole server, so that every buffer
 * on the way counts.
 */
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { collectGarbage } from '../testing/collect-garbage.ts'
import { lesson } from '../testing/lesson.ts'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const UPDATES = 300
/** Together far more than the sockets between take: these end up in the server, if it keeps what a client does not read. */
const PADDING = 'x'.repeat(100_000)
const MEGABYTE = 1024 * 1024

describe('a watcher that does not read', () => {
  let server: PlainServer
  let silent: Socket

  beforeAll(async () => {
    server = await startPlainServer()
  })
  afterAll(async () => {
    silent?.destroy()
    await server?.stop()
  })

  lesson(
    'holds up nobody, and costs no memory',
    {
      scenario: 'Of two watchers of the same ConfigMap one never reads, while 30 MB of changes happen.',
      rule: 'The other sees every change as it happens; the server keeps its history, and nothing for the silent one.',
      source: 'apiserver pkg/storage/cacher/cache_watcher.go',
      timeoutMs: 60_000,
    },
    async () => {
      const { body } = await server.ask(CONFIG_MAPS, { method: 'POST', body: { metadata: { name: 'busy' } } })
      const path = `${CONFIG_MAPS}?watch=true&resourceVersion=${body.metadata?.resourceVersion}`
      silent = connect(Number(new URL(server.url).port), '127.0.0.1')
      silent.pause()
      silent.on('error', () => {})
      silent.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\n\r\n`)
      const reading = server.watch(path, UPDATES)
      await collectGarbage()
      const buffersBefore = process.memoryUsage().external

      for (let update = 1; update <= UPDATES; update++) {
        const patch = { method: 'PATCH', headers: { 'Content-Type': 'application/merge-patch+json' } }
        const { status } = await server.ask(`${CONFIG_MAPS}/busy`, {
          ...patch,
          body: { data: { padding: PADDING, update: `${update}` } },
        })
        expect(status).toBe(200)
      }

      const lines = await reading
      const updates = lines.map(({ object }) => (object.data as Record<string, string>).update)
      expect(updates).toEqual(Array.from({ length: UPDATES }, (_, i) => `${i + 1}`))
      await collectGarbage()
      // Texts waiting for a connection would be bytes outside of the heap by then; 30 MB of them, had they been kept.
      expect(process.memoryUsage().external - buffersBefore).toBeLessThan(15 * MEGABYTE)
    },
  )
})
