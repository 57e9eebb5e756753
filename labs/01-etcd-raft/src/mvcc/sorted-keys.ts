/**
 * The set of keys in byte order.
 *
 * A list of short sorted lists: finding a place is two binary searches, inserting moves at most one short list. Much simpler than a
 * B-tree, and for the sizes an etcd holds about as fast.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { type ByteRange, TO_THE_END } from './byte-range.ts'
import { countBefore } from './count-before.ts'

const MAX_CHUNK = 512

export class SortedKeys {
  /** Never empty lists, each sorted, each entirely before the next. */
  readonly #chunks: ByteString[][] = []

  add(key: ByteString): void {
    const position = Math.max(0, this.#chunkOf(key))
    const chunk = this.#chunks[position]
    if (!chunk) {
      this.#chunks.push([key])
      return
    }
    const place = lowerBound(chunk, key)
    if (chunk[place] === key) return
    chunk.splice(place, 0, key)
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(position + 1, 0, chunk.splice(MAX_CHUNK / 2))
  }

  delete(key: ByteString): void {
    const position = this.#chunkOf(key)
    const chunk = this.#chunks[position]
    if (!chunk) return
    const place = lowerBound(chunk, key)
    if (chunk[place] !== key) return
    chunk.splice(place, 1)
    if (chunk.length === 0) this.#chunks.splice(position, 1)
  }

  /** The keys of a range, in order. */
  *within({ key, rangeEnd }: ByteRange): Generator<ByteString> {
    for (let position = Math.max(0, this.#chunkOf(key)); position < this.#chunks.length; position++) {
      const chunk = this.#chunks[position]!
      for (let place = lowerBound(chunk, key); place < chunk.length; place++) {
        const candidate = chunk[place]!
        if (rangeEnd === '' ? candidate !== key : rangeEnd !== TO_THE_END && candidate >= rangeEnd) return
        yield candidate
      }
    }
  }

  /** The last chunk that begins at or before `key`; -1 when all begin after it. */
  #chunkOf(key: ByteString): number {
    return countBefore(this.#chunks.length, (position) => this.#chunks[position]![0]! <= key) - 1
  }
}

/** The first place whose key is not before `key`. */
function lowerBound(sorted: readonly ByteString[], key: ByteString): number {
  return countBefore(sorted.length, (place) => sorted[place]! < key)
}
