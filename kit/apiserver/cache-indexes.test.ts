/** What the cache keeps ready besides its objects, against the same thing worked out from scratch. */
import { describe, expect } from 'vitest'
import { NodeIndex } from '#apiserver/storage/node-index.ts'
import { SortedEntries } from '#apiserver/storage/sorted-entries.ts'
import type { CacheChange } from '#apiserver/storage/watch-cache.ts'
import type { ApiObject, Stored } from '../api/objects.ts'
import { prefixRange } from '../contracts/key-value-store.ts'
import { createRandom, type Random } from '../sim/random.ts'
import { lesson } from '../testing/lesson.ts'

describe('the indexes of a cache', () => {
  lesson(
    'stay what they would be if they were made anew after each change',
    {
      scenario:
        'Hundreds of pods come, move between nodes and go, several in one batch at times; once the cache starts over.',
      rule: 'All entries are in order of their keys, those of a namespace are together, those of a node are found by its name.',
      source: 'apiserver pkg/storage/cacher/store.go',
    },
    (context) => {
      const seed = Number(process.env.SEED ?? 11)
      context.seed(seed)
      const random = createRandom(seed)
      const objects = new Map<string, Stored<ApiObject>>()
      const sorted = new SortedEntries()
      const byNode = new NodeIndex()
      for (let step = 0; step < 300; step++) {
        if (step === 150) {
          sorted.replace(objects)
          byNode.replace(objects)
        }
        const handedOut = sorted.all
        const asItWas = [...handedOut]
        const changes = Array.from({ length: random.below(4) }, (_, i) => changeOne(objects, random, 10 * step + i))
        sorted.apply(changes)
        byNode.apply(changes)

        expect(handedOut).toEqual(asItWas)
        expect(sorted.all === handedOut).toBe(changes.length === 0)
        const inOrder = [...objects].sort(([a], [b]) => (a < b ? -1 : 1))
        expect(sorted.all).toEqual(inOrder)
        const shop = prefixRange('/registry/pods/shop/')
        expect(sorted.within(shop)).toEqual(inOrder.filter(([key]) => key.startsWith(shop.from)))
        for (const node of NODES) {
          const expected = node ? [...objects.values()].filter((object) => nodeOf(object) === node) : []
          expect(new Set(byNode.on(node))).toEqual(new Set(expected))
        }
      }
    },
  )
})

const NODES = ['', 'node-1', 'node-2']

/** Makes a change, and remembers it in `objects`. */
function changeOne(objects: Map<string, Stored<ApiObject>>, random: Random, revision: number): CacheChange {
  const key = `/registry/pods/${random.pick(['default', 'shop', 'shop-2'])}/pod-${random.below(40)}`
  const previous = objects.get(key)
  const object = { metadata: { name: key, resourceVersion: `${revision}` }, spec: { nodeName: random.pick(NODES) } }
  const stored = object as unknown as Stored<ApiObject>
  if (previous && random.chance(0.4)) {
    objects.delete(key)
    return { type: 'DELETED', revision, key, object: stored, previous }
  }
  objects.set(key, stored)
  return { type: previous ? 'MODIFIED' : 'ADDED', revision, key, object: stored, ...(previous && { previous }) }
}

function nodeOf(object: Stored<ApiObject>): string {
  return (object as unknown as { spec: { nodeName: string } }).spec.nodeName
}
