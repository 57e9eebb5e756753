/**
 * The objects of a kind in the order of their keys, kept in order: lists are sorted, and nobody wants to sort ten thousand
 * objects for each list because one of them has changed since the last.
 *
 * Guarantee: what was handed out stays as it was; while nothing changes, everybody gets the same array.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { KeyRange } from '#kit/contracts/key-value-store.ts'
import type { CacheChange } from './watch-cache.ts'

/** Where an object is stored, and the object. */
export type CacheEntry = readonly [key: string, object: Stored<ApiObject>]

export class SortedEntries {
  #entries: CacheEntry[] = []
  /** Somebody has seen the array: the next change begins with a copy. */
  #isShared = false

  get all(): readonly CacheEntry[] {
    this.#isShared = true
    return this.#entries
  }

  /** Those with from <= key < to. */
  within({ from, to }: KeyRange): readonly CacheEntry[] {
    return this.#entries.slice(this.#indexOf(from), this.#indexOf(to))
  }

  replace(objects: ReadonlyMap<string, Stored<ApiObject>>): void {
    this.#entries = [...objects].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#isShared = false
  }

  apply(changes: readonly CacheChange[]): void {
    if (changes.length > 0 && this.#isShared) {
      this.#entries = [...this.#entries]
      this.#isShared = false
    }
    for (const { type, key, object } of changes) {
      const at = this.#indexOf(key)
      const isThere = this.#entries[at]?.[0] === key
      this.#entries.splice(at, isThere ? 1 : 0, ...(type === 'DELETED' ? [] : [[key, object] as const]))
    }
  }

  /** Of the first key that is not less; binary search. */
  #indexOf(key: string): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#entries[middle]![0] < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
