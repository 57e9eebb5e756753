/** Watches, as they are on the wire: from any revision, many on one stream, with filters, fragments, progress, and their ends. */
import { expect } from 'vitest'
import type { KeyEvent, Sparse, WatchCreateRequest, WatchRequest, WatchResponse } from '#kit/etcd-api/messages.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { type Conversation, describeApi, freshPrefix, story } from './targets.ts'

type Stream = Conversation<Sparse<WatchRequest>, WatchResponse>

describeApi(
  'Watch',
  (target) => {
    const open = (): Stream => target.wire.open('Watch', 'Watch')
    const create = (stream: Stream, createRequest: Sparse<WatchCreateRequest>) => stream.say({ createRequest })
    /** Hears until there are so many events. */
    const events = async (stream: Stream, count: number): Promise<readonly KeyEvent[]> => {
      const heard: KeyEvent[] = []
      while (heard.length < count) heard.push(...(await stream.hear()).events)
      return heard
    }
    const shown = ({ type, kv, prevKv }: KeyEvent) =>
      `${type} ${String(kv.key).replace(/^.*\//, '')}=${kv.value}${prevKv ? ` was ${prevKv.value}` : ''}`
    const write = async (prefix: string, words: string): Promise<number> => {
      let revision = 0
      for (const word of words.split(' ')) {
        const [name, value] = word.split('=')
        const key = `${prefix}${name}`
        const call = value === undefined ? target.client.deleteRange({ key }) : target.client.put({ key, value })
        revision = (await call).header!.revision
      }
      return revision
    }

    lesson(
      'begins at the revision asked for, or now',
      story('A key has three values. Watches begin at the second, at none, and in the future.'),
      async () => {
        const { prefix, all } = freshPrefix('begin')
        const last = await write(prefix, 'a=1 a=2 a=3')
        const stream = open()
        create(stream, { ...all, startRevision: last - 1 })
        const created = await stream.hear()
        expect(created).toMatchObject({ created: true, canceled: false, watchId: 0, events: [] })
        expect(created.header!.revision).toBe(last)
        expect((await events(stream, 2)).map(shown)).toEqual(['PUT a=2', 'PUT a=3'])
        create(stream, { ...all, watchId: 7 })
        create(stream, { ...all, watchId: 8, startRevision: last + 2 })
        expect([(await stream.hear()).watchId, (await stream.hear()).watchId]).toEqual([7, 8])
        await write(prefix, 'a=4 a=5')
        const heard: Record<number, string[]> = { 0: [], 7: [], 8: [] }
        while (Object.values(heard).flat().length < 5) {
          const response = await stream.hear()
          heard[response.watchId]!.push(...response.events.map(shown))
        }
        const both = ['PUT a=4', 'PUT a=5']
        expect(heard).toEqual({ 0: both, 7: both, 8: ['PUT a=5'] })
        stream.end()
      },
    )

    lesson(
      'tells what was there before, to those who ask',
      story('Puts and a deletion are watched with prev_kv and without.'),
      async () => {
        const { prefix, all } = freshPrefix('before')
        const last = await write(prefix, 'a=1 a=2 a')
        const stream = open()
        create(stream, { ...all, startRevision: last - 2, prevKv: true })
        expect((await events(stream, 3)).map(shown)).toEqual(['PUT a=1', 'PUT a=2 was 1', 'DELETE a= was 2'])
        stream.end()
        const plain = open()
        create(plain, { ...all, startRevision: last - 2 })
        const [, , deletion] = await events(plain, 3)
        expect(deletion).toEqual({
          type: 'DELETE',
          kv: { key: Buffer.from(`${prefix}a`), value: Buffer.alloc(0), ...NOTHING, modRevision: last },
        })
        plain.end()
      },
    )

    lesson(
      'keeps back what filters name, and what is outside its range',
      story('The same puts and deletions are watched with NOPUT, with NODELETE, for one key and from a key on.'),
      async () => {
        const { prefix, all } = freshPrefix('filter')
        const last = await write(prefix, 'a=1 b=2 a c=3')
        const startRevision = last - 3
        const seen = async (request: Sparse<WatchCreateRequest>, count: number) => {
          const stream = open()
          create(stream, { ...all, startRevision, ...request })
          const heard = (await events(stream, count)).map(shown)
          stream.end()
          return heard
        }
        expect(await seen({ filters: ['NOPUT'] }, 1)).toEqual(['DELETE a='])
        expect(await seen({ filters: ['NODELETE'] }, 3)).toEqual(['PUT a=1', 'PUT b=2', 'PUT c=3'])
        expect(await seen({ key: `${prefix}b`, rangeEnd: '' }, 1)).toEqual(['PUT b=2'])
        expect(await seen({ key: `${prefix}b`, rangeEnd: '\0' }, 2)).toEqual(['PUT b=2', 'PUT c=3'])
      },
    )

    lesson(
      'shows what one transaction did in one answer, in its order',
      story('A transaction puts two keys and deletes a range of two.'),
      async () => {
        const { prefix, all } = freshPrefix('atomic')
        const last = await write(prefix, 'y=1 z=2')
        const put = (name: string) => ({ requestPut: { key: `${prefix}${name}`, value: name } })
        const remove = { requestDeleteRange: { key: `${prefix}y`, rangeEnd: `${prefix}~` } }
        await target.client.txn({ success: [put('b'), remove, put('a')] })
        const stream = open()
        create(stream, { ...all, startRevision: last + 1 })
        await stream.hear()
        const answer = await stream.hear()
        expect(answer.events.map(shown)).toEqual(['PUT b=b', 'DELETE y=', 'DELETE z=', 'PUT a=a'])
        stream.end()
      },
    )

    lesson(
      'gives ids that are free, and refuses ids that are taken, empty ranges, and revisions that cannot be',
      story('Watches with ids 0, 1, 1 again; a range that ends before it begins; a negative revision.', SOURCE),
      async () => {
        const { prefix, all } = freshPrefix('ids')
        const stream = open()
        const answerTo = async (request: Sparse<WatchCreateRequest>) => {
          create(stream, request)
          const { watchId, created, canceled, cancelReason } = await stream.hear()
          return [watchId, created, canceled, cancelReason]
        }
        expect(await answerTo({ ...all, watchId: 1 })).toEqual([1, true, false, ''])
        expect(await answerTo(all)).toEqual([0, true, false, ''])
        expect(await answerTo(all)).toEqual([2, true, false, ''])
        const duplicate = 'mvcc: duplicate watch ID provided on the WatchStream'
        expect(await answerTo({ ...all, watchId: 1 })).toEqual([-1, true, true, duplicate])
        const backwards = { key: `${prefix}b`, rangeEnd: `${prefix}a` }
        expect(await answerTo(backwards)).toEqual([-1, true, true, 'mvcc: watcher range is empty'])
        // Earlier releases of 3.4 and 3.5 take a negative revision for "from now on".
        const compacted = 'etcdserver: mvcc: required revision has been compacted'
        if (target.isOurs) expect(await answerTo({ ...all, startRevision: -1 })).toEqual([-1, true, true, compacted])
        stream.end()
      },
    )

    lesson(
      'ends when it is cancelled, and the others on its stream go on',
      story('Two watches of one key; one is cancelled; so is one that never was.', SOURCE),
      async () => {
        const { prefix, all } = freshPrefix('cancel')
        const stream = open()
        for (const watchId of [1, 2]) create(stream, { ...all, watchId })
        await stream.hear()
        await stream.hear()
        stream.say({ cancelRequest: { watchId: 99 } })
        stream.say({ cancelRequest: { watchId: 1 } })
        expect(await stream.hear()).toMatchObject({ watchId: 1, canceled: true, created: false, compactRevision: 0 })
        await write(prefix, 'a=1')
        expect(await stream.hear()).toMatchObject({ watchId: 2, events: [{ type: 'PUT' }] })
        create(stream, { ...all, watchId: 1 })
        expect(await stream.hear()).toMatchObject({ watchId: 1, created: true, canceled: false })
        stream.end()
      },
    )

    lesson(
      'ends when what it should begin with is compacted',
      story(
        'A key has three values; the store is compacted at the third; watches begin at the second and third.',
        SOURCE,
      ),
      async () => {
        const { prefix, all } = freshPrefix('compacted')
        const last = await write(prefix, 'a=1 a=2 a=3')
        await target.client.compact({ revision: last, physical: true })
        const stream = open()
        create(stream, { ...all, startRevision: last - 1 })
        expect(await stream.hear()).toMatchObject({ created: true, canceled: false })
        expect(await stream.hear()).toMatchObject({
          ...{ watchId: 0, created: false, canceled: true, compactRevision: last, cancelReason: '', events: [] },
        })
        create(stream, { ...all, startRevision: last, prevKv: true })
        await stream.hear()
        expect((await events(stream, 1)).map(shown)).toEqual(['PUT a=3'])
        stream.end()
      },
    )

    lesson(
      'tells how far it is when asked, once everything up to there has been told',
      story('Two watches of one stream, one of them far behind; the client asks for progress.', SOURCE),
      async () => {
        const { prefix, all } = freshPrefix('progress')
        const last = await write(prefix, 'a=1 a=2 a=3')
        const stream = open()
        create(stream, { ...all, startRevision: last - 2 })
        create(stream, { key: `${prefix}other` })
        const heard: WatchResponse[] = []
        while (heard.flatMap((response) => response.events).length < 3 || heard.length < 3)
          heard.push(await stream.hear())
        stream.say({ progressRequest: {} })
        expect(await stream.hear()).toMatchObject({ watchId: -1, events: [], header: { revision: last } })
        stream.end()
      },
    )

    lesson(
      'tells idle watches how far they are, if they asked for that',
      story('Of two watches of a key that nobody writes, one asked for progress_notify.', SOURCE),
      async () => {
        const { prefix, all } = freshPrefix('notify')
        const revision = await write(prefix, 'a=1')
        const stream = open()
        create(stream, { ...all, watchId: 1 })
        create(stream, { ...all, watchId: 2, progressNotify: true })
        await stream.hear()
        await stream.hear()
        for (let time = 0; time < 2; time++) {
          expect(await stream.hear()).toMatchObject({ watchId: 2, events: [], created: false, header: { revision } })
        }
        stream.end()
      },
    )

    lesson(
      'cuts answers that are too large into fragments, for clients that can put them together',
      story(
        'Six keys of half a MiB each are deleted at once and watched with prev_kv, with and without fragment.',
        SOURCE,
      ),
      async () => {
        const { prefix, all } = freshPrefix('fragment')
        const value = Buffer.alloc(512 * 1024, 'v')
        for (let place = 0; place < 6; place++) await target.client.put({ key: `${prefix}${place}`, value })
        const startRevision = (await target.client.deleteRange(all)).header!.revision
        const stream = open()
        create(stream, { ...all, startRevision, prevKv: true, fragment: true })
        await stream.hear()
        const fragments: WatchResponse[] = []
        do fragments.push(await stream.hear())
        while (fragments.at(-1)!.fragment)
        expect(fragments.length).toBeGreaterThan(1)
        expect(fragments.map(({ fragment }) => fragment)).toEqual(
          fragments.map((_, place) => place < fragments.length - 1),
        )
        expect(fragments.flatMap((response) => response.events)).toHaveLength(6)
        for (const { watchId, header } of fragments) expect([watchId, header!.revision]).toEqual([0, startRevision])
        stream.end()
        const whole = open()
        create(whole, { ...all, startRevision, prevKv: true })
        await whole.hear()
        expect(await whole.hear()).toMatchObject({ fragment: false, events: { length: 6 } })
        whole.end()
      },
    )

    lesson(
      'serves a hundred watches on one stream, each with its own range and beginning',
      story('A hundred keys are written three times; watch n is for key n and begins n revisions on.', SOURCE),
      async () => {
        const { prefix } = freshPrefix('many')
        const names = Array.from({ length: 100 }, (_, place) => String(place).padStart(3, '0'))
        const first = await write(prefix, `${names[0]}=0`)
        await write(
          prefix,
          names
            .slice(1)
            .map((name) => `${name}=0`)
            .join(' '),
        )
        await write(prefix, names.map((name) => `${name}=1`).join(' '))
        const stream = open()
        names.forEach((name, place) => {
          create(stream, { key: `${prefix}${name}`, watchId: place + 1, startRevision: first + 2 * place })
        })
        const told = new Map<number, string[]>()
        const count = () => [...told.values()].flat().length
        // Watch n begins at revision first + 2n: its first value is written at first + n, its second at first + 100 + n.
        const expected = names.map((name, place) => {
          const values = [place, 100 + place].flatMap((offset, value) =>
            offset >= 2 * place ? [`PUT ${name}=${value}`] : [],
          )
          return [place + 1, values] as const
        })
        const total = expected.flatMap(([, values]) => values).length
        while (count() < total) {
          const { watchId, events: some } = await stream.hear()
          told.set(watchId, [...(told.get(watchId) ?? []), ...some.map(shown)])
        }
        for (const [watchId, values] of expected) expect(told.get(watchId), `watch ${watchId}`).toEqual(values)
        stream.end()
      },
    )
  },
  ['--experimental-watch-progress-notify-interval', '200ms'],
)

const SOURCE = 'etcd server/etcdserver/api/v3rpc/watch.go'

const NOTHING = { createRevision: 0, version: 0, lease: '0' }
