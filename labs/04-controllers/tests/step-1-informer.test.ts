/** Step 4.1: a local copy that is right, and news of each change exactly once. */
import { describe, expect } from 'vitest'
import { type Delta, InformerStore } from '#controllers/informer-store.ts'
import type { Pod, Stored } from '#kit/api/objects.ts'
import { objectKey } from '#kit/api/objects.ts'
import type { WatchEvent } from '#kit/contracts/api-client.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { pod } from './support/objects.ts'

const at = (name: string, resourceVersion: number, more: { node?: string; uid?: string } = {}): Stored<Pod> =>
  pod(name, {
    node: more.node,
    metadata: { resourceVersion: String(resourceVersion), ...(more.uid && { uid: more.uid }) },
  })
const list = (resourceVersion: number, ...items: Stored<Pod>[]) => ({ resourceVersion: String(resourceVersion), items })
const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Stored<Pod>): WatchEvent<Pod> => ({ type, object })
/** "added a@1" */
const words = (deltas: readonly Delta<Pod>[]) =>
  deltas.map(({ type, object: { metadata } }) => `${type} ${metadata.name}@${metadata.resourceVersion}`)

describe('what to ask the server next', () => {
  lesson(
    'starts with a list and goes on with a watch from there',
    {
      scenario: 'A new informer; the first list says resourceVersion 7.',
      rule: 'List once, then watch from the resourceVersion of the list.',
      source: 'client-go tools/cache/reflector.go: ListAndWatch',
    },
    () => {
      const store = new InformerStore<Pod>()
      expect(store.nextRequest()).toEqual({ request: 'list' })
      store.replace(list(7, at('a', 5)))
      expect(store.nextRequest()).toEqual({ request: 'watch', resourceVersion: '7' })
    },
  )

  lesson(
    'resumes where the last event or bookmark left off',
    {
      scenario: 'After a list at 7 come an event at 9 and a bookmark at 12; then the connection breaks.',
      rule: 'A watch resumes from the newest resourceVersion seen, so that no event is missed and none comes twice.',
      source: 'client-go tools/cache/reflector.go: lastSyncResourceVersion; KEP-956 (bookmarks)',
    },
    () => {
      const store = new InformerStore<Pod>()
      store.replace(list(7))
      store.apply(event('ADDED', at('a', 9)))
      expect(store.nextRequest()).toEqual({ request: 'watch', resourceVersion: '9' })
      expect(store.apply({ type: 'BOOKMARK', object: at('', 12) })).toEqual([])
      store.interrupted('ConnectionLost')
      expect(store.nextRequest()).toEqual({ request: 'watch', resourceVersion: '12' })
    },
  )

  lesson(
    'lists again only when the history is gone',
    {
      scenario: 'A watch from 7 ends, once with an internal error, once with Expired; another one with Gone.',
      rule: 'Expired and Gone (both 410) mean that the server has compacted the history from there on: the copy must be compared with a new list.',
      source: 'client-go tools/cache/reflector.go: isExpiredError',
    },
    () => {
      const store = new InformerStore<Pod>()
      store.interrupted('InternalError')
      store.replace(list(7, at('a', 5)))
      store.interrupted('InternalError')
      expect(store.nextRequest()).toEqual({ request: 'watch', resourceVersion: '7' })
      store.interrupted('Expired')
      expect(store.nextRequest()).toEqual({ request: 'list' })
      expect(store.list().map(objectKey), 'the copy stays readable meanwhile').toEqual(['default/a'])
      store.replace(list(9, at('a', 5)))
      store.interrupted('Gone')
      expect(store.nextRequest()).toEqual({ request: 'list' })
    },
  )
})

describe('a list', () => {
  lesson(
    'tells the difference to the copy, and nothing else',
    {
      scenario:
        'The copy has a, b and c. The new list has a as it was, b changed, d new, and no c. What was listed before stands in the deltas, too.',
      rule: 'A list counts as the events that would have led to it; what did not change is no news.',
      source: 'client-go tools/cache/delta_fifo.go: Replace',
    },
    () => {
      const store = new InformerStore<Pod>()
      expect(words(store.replace(list(5, at('a', 1), at('b', 2), at('c', 3))))).toEqual([
        'added a@1',
        'added b@2',
        'added c@3',
      ])
      const deltas = store.replace(list(9, at('a', 1), at('b', 8), at('d', 9)))
      expect(words(deltas)).toEqual(['deleted c@3', 'updated b@8', 'added d@9'])
      expect(deltas[1]).toMatchObject({ type: 'updated', previous: { metadata: { resourceVersion: '2' } } })
      expect(store.list().map(objectKey).sort()).toEqual(['default/a', 'default/b', 'default/d'])
    },
  )

  lesson(
    'sees that a name now belongs to another object',
    {
      scenario: 'While the connection was down, pod a was deleted and created again.',
      rule: 'An object is its uid, not its name: its deletion must not be overlooked.',
      source: 'Kubernetes object identity: metadata.uid',
    },
    () => {
      const store = new InformerStore<Pod>()
      store.replace(list(5, at('a', 1, { uid: 'first' })))
      const deltas = store.replace(list(9, at('a', 8, { uid: 'second' })))
      expect(deltas.map(({ type, object }) => [type, object.metadata.uid])).toEqual([
        ['deleted', 'first'],
        ['added', 'second'],
      ])
    },
  )
})

describe('a watch event', () => {
  lesson(
    'is told as what it means for the copy',
    {
      scenario: 'Pod a is added, changed and deleted.',
      rule: 'An update carries the state before, a deletion the last state.',
      source: 'client-go tools/cache/shared_informer.go: OnAdd, OnUpdate, OnDelete',
    },
    () => {
      const store = new InformerStore<Pod>()
      const added = store.apply(event('ADDED', at('a', 1)))
      const updated = store.apply(event('MODIFIED', at('a', 2)))
      const deleted = store.apply(event('DELETED', at('a', 3)))
      expect(words([...added, ...updated, ...deleted])).toEqual(['added a@1', 'updated a@2', 'deleted a@3'])
      expect(updated[0]).toMatchObject({ previous: { metadata: { resourceVersion: '1' } } })
      expect(store.list().map(objectKey), 'what the copy holds in the end').toEqual([])
    },
  )

  lesson(
    'whose word does not fit the copy is judged by the copy',
    {
      scenario: 'The first that is heard of pod a is MODIFIED; then comes ADDED, with a newer version.',
      rule: 'What is not in the copy is added, what is there is updated, whatever the server calls it.',
      source: 'client-go tools/cache/controller.go: processDeltas',
    },
    () => {
      const store = new InformerStore<Pod>()
      const first = store.apply(event('MODIFIED', at('a', 1)))
      const second = store.apply(event('ADDED', at('a', 2)))
      expect(words([...first, ...second])).toEqual(['added a@1', 'updated a@2'])
    },
  )

  lesson(
    'that repeats what is known is no news',
    {
      scenario:
        'After a list at version 5, the server sends ADDED for an object that was in it, and DELETED for one that was not.',
      rule: 'Each change is told once, however often the server says it.',
      source: 'client-go tools/cache/delta_fifo.go',
    },
    () => {
      const store = new InformerStore<Pod>()
      store.replace(list(5, at('a', 1)))
      expect(store.apply(event('ADDED', at('a', 1)))).toEqual([])
      expect(store.apply(event('DELETED', at('never', 6)))).toEqual([])
      expect(words(store.apply(event('ADDED', at('a', 7))))).toEqual(['updated a@7'])
    },
  )
})

describe('an index', () => {
  lesson(
    'finds objects by a field, and follows its changes',
    {
      scenario: 'Pods on nodes n1 and n2; one moves from no node to n1, one goes.',
      rule: 'An index always agrees with the copy: an object is found under the values it has now, and no others.',
      source: 'client-go tools/cache/thread_safe_store.go: updateIndices',
    },
    () => {
      const store = new InformerStore<Pod>({ byNode: 'spec.nodeName' })
      const on = (node: string) =>
        store
          .byIndex('byNode', node)
          .map(({ metadata }) => metadata.name)
          .sort()
      expect(on('n1')).toEqual([])
      store.replace(list(5, at('a', 1, { node: 'n1' }), at('b', 2, { node: 'n2' }), at('c', 3)))
      expect([on('n1'), on('n2')]).toEqual([['a'], ['b']])
      store.apply(event('MODIFIED', at('c', 6, { node: 'n1' })))
      store.apply(event('DELETED', at('a', 7, { node: 'n1' })))
      expect(on('n1')).toEqual(['c'])
      store.replace(list(9, at('c', 8, { node: 'n2' })))
      expect([on('n1'), on('n2')]).toEqual([[], ['c']])
    },
  )

  lesson(
    'has an object under each of several values',
    {
      scenario: 'A pod with two owners, looked up by the uid of each; then one of them is taken away.',
      rule: 'An index function may give several values; the object is found under each.',
      source: 'client-go tools/cache/index.go: IndexFunc',
    },
    () => {
      const store = new InformerStore<Pod>({ byOwner: 'metadata.ownerReferences.uid' })
      const owner = (uid: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid })
      store.apply(event('ADDED', pod('a', { metadata: { ownerReferences: [owner('one'), owner('two')] } })))
      const owned = () => ({
        'by one': store.byIndex('byOwner', 'one').map(objectKey),
        'by two': store.byIndex('byOwner', 'two').map(objectKey),
      })
      expect(owned()).toEqual({ 'by one': ['default/a'], 'by two': ['default/a'] })
      const metadata = { resourceVersion: '2', ownerReferences: [owner('two')] }
      store.apply(event('MODIFIED', pod('a', { metadata })))
      expect(owned(), 'when "one" is no owner any more').toEqual({ 'by one': [], 'by two': ['default/a'] })
      expect(() => store.byIndex('byMood', 'good'), 'an index that was not declared').toThrow()
    },
  )
})

lesson(
  'whatever happens to the connection, the copy ends up right and the news add up to it',
  {
    scenario: 'A server changes pods at random. Watches break, resume, repeat events and expire at random places.',
    rule: 'Applying the deltas to an empty list gives the copy, and the copy is what the server holds.',
    source: 'the contract of an informer: eventual consistency, each change once',
  },
  ({ seed }) => {
    for (let round = 1; round <= 120; round++) {
      seed(round)
      const random = createRandom(round)
      const store = new InformerStore<Pod>({ byNode: 'spec.nodeName' })
      const server = new Map<string, Stored<Pod>>()
      const history: { version: number; event: WatchEvent<Pod> }[] = []
      const told = new Map<string, string>()
      let version = 1

      const change = () => {
        version += 1
        const name = random.pick(['a', 'b', 'c', 'd'])
        const known = server.get(name)
        const next = at(name, version, {
          node: random.pick(['n1', 'n2']),
          uid: known?.metadata.uid ?? `${name}${version}`,
        })
        if (known && random.chance(0.4)) {
          server.delete(name)
          history.push({ version, event: event('DELETED', next) })
        } else {
          server.set(name, next)
          history.push({ version, event: event(known ? 'MODIFIED' : 'ADDED', next) })
        }
      }
      const hear = (deltas: readonly Delta<Pod>[]) => {
        for (const delta of deltas) {
          const { name, uid } = delta.object.metadata
          if (delta.type === 'added') expect(told.has(name), `added ${name} twice`).toBe(false)
          else expect(told.get(name), `${delta.type} ${name} without having been told of it`).toBe(uid)
          if (delta.type === 'deleted') told.delete(name)
          else told.set(name, uid)
        }
      }
      const converse = (untilTheEnd: boolean) => {
        const next = store.nextRequest()
        if (next.request === 'list') return hear(store.replace(list(version, ...server.values())))
        for (const { version: of, event } of history) {
          if (of <= Number(next.resourceVersion)) continue
          if (!untilTheEnd && random.chance(0.2))
            return store.interrupted(random.pick(['ConnectionLost', 'Expired'] as const))
          hear(store.apply(event))
          if (random.chance(0.1)) hear(store.apply(event))
        }
      }
      for (let turn = 0; turn < 20; turn++) {
        for (let count = random.below(4); count > 0; count--) change()
        converse(false)
      }
      converse(true)
      converse(true)
      const held = [...server.values()]
      expect(
        store
          .list()
          .map(({ metadata }) => metadata.uid)
          .sort(),
      ).toEqual(held.map(({ metadata }) => metadata.uid).sort())
      expect([...told.values()].sort()).toEqual(held.map(({ metadata }) => metadata.uid).sort())
      for (const node of ['n1', 'n2']) {
        expect(
          store
            .byIndex('byNode', node)
            .map(({ metadata }) => metadata.uid)
            .sort(),
        ).toEqual(
          held
            .filter(({ spec }) => spec?.nodeName === node)
            .map(({ metadata }) => metadata.uid)
            .sort(),
        )
      }
    }
  },
)
