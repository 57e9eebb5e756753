/** One watch cache per kind of stored object, all started together. Two rows of one storage share one. */
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { kindPrefix } from './keys.ts'
import { KindCache, type KindCacheOptions } from './kind-cache.ts'

export class KindCaches {
  readonly #byPrefix = new Map<string, KindCache>()

  constructor(rows: readonly KindRow[], options: Omit<KindCacheOptions, 'prefix'>) {
    for (const row of rows) {
      const prefix = kindPrefix(row)
      if (row.virtual) continue
      if (!this.#byPrefix.has(prefix)) this.#byPrefix.set(prefix, new KindCache({ ...options, prefix }))
    }
  }

  of(row: Pick<KindRow, 'storagePrefix'>): KindCache {
    const cache = this.#byPrefix.get(kindPrefix(row))
    if (!cache) throw new Error(`no cache for ${kindPrefix(row)}`)
    return cache
  }

  async synced(): Promise<void> {
    await Promise.all([...this.#byPrefix.values()].map((cache) => cache.synced()))
  }

  stop(): void {
    for (const cache of this.#byPrefix.values()) cache.stop()
  }
}
