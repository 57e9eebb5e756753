/**
 * The watches of a stream without the network: who is told what, and when, while others catch up.
 */
import { describe, expect } from 'vitest'
import { MvccStore } from '#etcd/mvcc/store.ts'
import type { WatchResponse } from '#etcd/mvcc/types.ts'
import { Turns } from '#etcd/server/turns.ts'
import { fragmentsOf, takeBatch } from '#etcd/server/watch-batch.ts'
import { WatchStream } from '#etcd/server/watch-stream.ts'
import { VirtualClock } from '#kit/sim/virtual-clock.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { putRequest, watchRequest } from '../fixtures.ts'

const HEADER = { clusterId: '1', memberId: '1', revision: 0, raftTerm: 1 }
const ALL = { key: '\0', rangeEnd: '\0' }

/** A store, and streams whose clients read at once, or only when told. */
function member(writes: number) {
  const store = new MvccStore()
  const clock = new VirtualClock()
  const turns = new Turns()
  const write = (count: number) => {
    for (let place = 0; place < count; place++) store.put(putRequest(`k${place % 10}`, String(store.revision)))
  }
  write(writes)
  const engine = { machine: { store }, header: () => ({ ...HEADER, revision: store.revision }) }
  const stream = (room = Number.POSITIVE_INFINITY) => {
    const heard: WatchResponse[] = []
    const pipe = { write: (response: WatchResponse) => heard.push(response) < room }
    const fail = (error: unknown) => {
      throw error
    }
    const watches = new WatchStream({ engine, pipe, clock, turns, fail, progressIntervalMs: 1000 })
    const watch = (different = {}) => watches.receive({ createRequest: watchRequest({ ...ALL, ...different }) })
    const revisions = (watchId: number) =>
      heard.filter((one) => one.watchId === watchId).flatMap(({ events }) => events.map(({ kv }) => kv.modRevision))
    return { watches, watch, heard, revisions }
  }
  return { store, write, stream, clock }
}

const upTo = (revision: number, from = 2) => Array.from({ length: revision - from + 1 }, (_, offset) => from + offset)
const oneTurn = () => new Promise((resolve) => setImmediate(resolve))
const source = 'etcd server/storage/mvcc/watchable_store.go (synced and unsynced watchers)'

describe('watches on several streams', () => {
  lesson(
    'are told at once what happens now, however many are catching up',
    {
      scenario: 'Fifty watches on five streams begin 20,000 revisions ago. Another watches from now on. A key is put.',
      rule: 'A long history is read in turns; who is up to date waits for nobody.',
      source,
    },
    async () => {
      const { store, write, stream } = member(20_000)
      const readers = Array.from({ length: 5 }, () => stream())
      for (const reader of readers) for (let count = 0; count < 10; count++) reader.watch({ startRevision: 1 })
      const current = stream()
      current.watch()
      await oneTurn()
      write(1)
      current.watches.pump()
      expect(current.revisions(0), 'told before another turn').toEqual([store.revision])
      const told = readers.flatMap((reader) => reader.heard.flatMap(({ events }) => events)).length
      expect(told, 'events told to those who catch up, by then').toBeLessThan(5000)
    },
  )

  lesson(
    'all get there, each with every event once and in order',
    {
      scenario: 'Three streams with watches that begin at different revisions, while keys go on being put.',
      rule: 'Ordered, unique, reliable: turns change when something is told, never what.',
      source,
    },
    async () => {
      const { store, write, stream } = member(6000)
      const readers = [1, 2500, 5999].map((startRevision) => ({ startRevision, ...stream() }))
      for (const { watch, startRevision } of readers) for (let count = 0; count < 3; count++) watch({ startRevision })
      for (let round = 0; round < 60; round++) {
        if (round < 20) write(7)
        for (const { watches } of readers) watches.pump()
        await oneTurn()
      }
      for (const { revisions, startRevision } of readers) {
        for (const watchId of [0, 1, 2]) {
          expect(revisions(watchId)).toEqual(upTo(store.revision, Math.max(2, startRevision)))
        }
      }
    },
  )

  lesson(
    'are one behind the other only where they share a client that does not read',
    {
      scenario: 'One client takes three answers and no more; another reads everything. Then the first one reads on.',
      rule: 'A full pipe costs no memory and holds up no other stream.',
      source,
    },
    async () => {
      const { store, write, stream } = member(3500)
      const [slow, quick] = [stream(3), stream()]
      for (const reader of [slow, quick]) reader.watch({ startRevision: 2 })
      for (let round = 0; round < 20; round++) await oneTurn()
      expect(slow.heard.length).toBe(3)
      expect(quick.revisions(0)).toEqual(upTo(store.revision))
      write(10)
      quick.watches.pump()
      slow.watches.pump()
      expect(slow.heard.length).toBe(3)
      for (let round = 0; round < 20; round++) {
        slow.watches.drained()
        await oneTurn()
      }
      expect(slow.revisions(0)).toEqual(upTo(store.revision))
      expect(quick.revisions(0)).toEqual(upTo(store.revision))
    },
  )
})

describe('progress', () => {
  lesson(
    'is reported only when everything before it has been told',
    {
      scenario: 'A watch begins 5000 revisions ago, and its client asks for progress before it can have been told.',
      rule: 'A progress answer promises that all events up to its revision have been sent on this stream.',
      source: 'etcd server/etcdserver/api/v3rpc/watch.go',
    },
    async () => {
      const { store, stream } = member(5000)
      const { watches, watch, heard, revisions } = stream()
      watches.receive({ progressRequest: {} })
      expect(heard, 'no watch, nothing to report').toEqual([])
      watch({ startRevision: 1 })
      watches.receive({ progressRequest: {} })
      for (let round = 0; round < 10; round++) await oneTurn()
      expect(revisions(0)).toEqual(upTo(store.revision))
      expect(heard.at(-1)).toMatchObject({ watchId: -1, events: [] })
      expect(heard.filter(({ watchId }) => watchId === -1)).toHaveLength(1)
    },
  )

  lesson(
    'is told by itself to quiet watches that asked, at every interval',
    {
      scenario: 'Two watches, one with progress_notify. An interval passes with a put, then two without.',
      rule: 'Progress replaces silence; an event says as much.',
      source: 'etcd server/etcdserver/api/v3rpc/watch.go',
    },
    () => {
      const { write, stream, clock } = member(1)
      const { watches, watch, heard } = stream()
      watch({ watchId: 1, progressNotify: true })
      watch({ watchId: 2 })
      write(1)
      watches.pump()
      const told = () => heard.splice(0).map(({ watchId, events }) => `${watchId}:${events.length}`)
      expect(told().slice(2)).toEqual(['1:1', '2:1'])
      clock.advance(1000)
      expect(told()).toEqual([])
      clock.advance(2000)
      expect(told()).toEqual(['1:0', '1:0'])
      watches.close()
      clock.advance(5000)
      expect(told()).toEqual([])
    },
  )
})

describe('large answers', () => {
  const event = (revision: number, bytes: number) => ({
    type: 'PUT' as const,
    kv: { key: 'k', createRevision: 1, modRevision: revision, version: 1, value: 'x'.repeat(bytes), lease: '0' },
  })

  lesson(
    'end between revisions where they can',
    {
      scenario: 'Changes of about 500 bytes each, and one of 5000; at most 1000 bytes go into an answer.',
      rule: 'A revision is told whole, and at least one is told.',
      source: 'etcd server/storage/mvcc/watcher_group.go',
    },
    () => {
      const change = (revision: number, bytes: number) => ({ revision, events: [event(revision, bytes)] })
      const taken = (...sizes: number[]) =>
        takeBatch(
          sizes.map((bytes, place) => change(place + 2, bytes)),
          1000,
        ).length
      expect([taken(400, 400, 400), taken(5000, 10), taken(10, 5000), taken()]).toEqual([1, 1, 1, 0])
      expect(taken(10, 10, 10)).toBe(3)
    },
  )

  lesson(
    'are cut between events for those who ask, and only the last part is not marked',
    {
      scenario: 'An answer of four events, cut at 1000 bytes; one event is larger than that.',
      rule: 'Put together again, the fragments are the answer.',
      source: 'etcd rpc.proto, WatchCreateRequest.fragment',
    },
    () => {
      const response = { watchId: 3, events: [400, 400, 5000, 10].map((bytes) => event(9, bytes)) } as never
      const parts = fragmentsOf(response, 1100)
      expect(parts.map(({ events, fragment }) => [events.length, fragment])).toEqual([
        [2, true],
        [1, true],
        [1, false],
      ])
      expect(parts.flatMap(({ events }) => events)).toEqual((response as WatchResponse).events)
      expect(fragmentsOf({ ...(response as WatchResponse), events: [] })).toHaveLength(1)
    },
  )
})
