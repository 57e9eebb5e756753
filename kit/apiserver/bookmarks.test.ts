/** Bookmarks of quiet watches, and how long watches last, on a clock that a test moves. */
import { describe, expect, it } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { createContext } from '#apiserver/server.ts'
import { watchObjects } from '#apiserver/verbs/watch.ts'
import type { WatchStreamEvent } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'

const MINUTE_MS = 60_000
const row = kindRows.find(({ resource }) => resource.plural === 'configmaps')!

function startWatching(query: Record<string, string>) {
  const etcd = createSimEtcdStore()
  const clock = new VirtualClock()
  const context = createContext(etcd, { clock, log: silentLog, serviceClusterIpRange: '10.96.0.0/16' })
  const lists = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value]]))
  const seen: WatchStreamEvent[] = []
  let isOver = false
  const started = watchObjects(context, { row, namespace: '' }, { watch: ['true'], ...lists }).then(async (watch) => {
    for await (const event of watch.events) seen.push(event)
    isOver = true
  })
  return { etcd, clock, seen, started, isOver: () => isOver, stop: () => context.caches.stop() }
}

const said = (events: readonly WatchStreamEvent[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata?.resourceVersion}`)

describe('a quiet watch', () => {
  it('is told every minute how far the world has come, though nothing of its kind has happened', async () => {
    const { etcd, clock, seen, stop } = startWatching({ resourceVersion: '1', allowWatchBookmarks: 'true' })
    await clock.advanceAsync(MINUTE_MS / 2)
    expect(seen).toEqual([])
    const elsewhere = etcd.put('/registry/configmaps/default/a', '{"metadata":{"name":"a"}}')
    await clock.advanceAsync(MINUTE_MS)
    await clock.advanceAsync(MINUTE_MS)
    expect(said(seen)).toEqual([`ADDED ${elsewhere}`, `BOOKMARK ${elsewhere}`, `BOOKMARK ${elsewhere}`])
    stop()
  })

  it('is told nothing when it did not ask', async () => {
    const { clock, seen, stop } = startWatching({ resourceVersion: '1' })
    await clock.advanceAsync(5 * MINUTE_MS)
    expect(seen).toEqual([])
    stop()
  })

  it('lasts as long as it asked for, and then says where to go on', async () => {
    const { clock, seen, isOver, stop } = startWatching({
      resourceVersion: '1',
      allowWatchBookmarks: 'true',
      timeoutSeconds: '30',
    })
    await clock.advanceAsync(29_000)
    expect(isOver()).toBe(false)
    await clock.advanceAsync(2_000)
    expect(isOver()).toBe(true)
    expect(said(seen)).toEqual(['BOOKMARK 1'])
    stop()
  })

  it.each(['0', undefined])('that sets no time (%s) lasts for half an hour to an hour', async (timeoutSeconds) => {
    const query = { resourceVersion: '1', ...(timeoutSeconds && { timeoutSeconds }) }
    const { clock, isOver, stop } = startWatching(query)
    await clock.advanceAsync(29 * MINUTE_MS)
    expect(isOver()).toBe(false)
    await clock.advanceAsync(31 * MINUTE_MS)
    expect(isOver()).toBe(true)
    stop()
  })
})
