/**
 * All keys in order, and of each key every version that is not given up.
 *
 * Source: etcd `server/storage/mvcc/index.go`; there the index holds only revisions, and the values lie in a file.
 */
import { crc32 } from 'node:zlib'
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { type ByteRange, TO_THE_END } from './byte-range.ts'
import { SortedKeys } from './sorted-keys.ts'
import type { KeyValue } from './types.ts'
import { compactVersions, type Version, type Versions, versionAt } from './versions.ts'

/** What a version costs beside key and value. */
const VERSION_BYTES = 64

export class KeyIndex {
  readonly #keys = new SortedKeys()
  readonly #versions = new Map<ByteString, Versions>()
  #bytes = 0

  /** About how much there is: keys, values and something for each version. */
  get bytes(): number {
    return this.#bytes
  }

  /** The key as it was at a revision. */
  get(key: ByteString, revision: number): KeyValue | undefined {
    const versions = this.#versions.get(key)
    if (!versions) return undefined
    const newest = versions.at(-1)!
    return newest.revision <= revision ? newest.kv : versionAt(versions, revision)
  }

  keysIn(range: ByteRange): Iterable<ByteString> {
    if (range.rangeEnd === '') return this.#versions.has(range.key) ? [range.key] : []
    return this.#keys.within(range)
  }

  oldestVersion(key: ByteString): Version | undefined {
    return this.#versions.get(key)?.[0]
  }

  append(key: ByteString, version: Version): void {
    this.#bytes += bytesOf(key, version)
    const versions = this.#versions.get(key)
    if (versions) (versions as Version[]).push(version)
    else this.#replace(key, [version])
  }

  /** Undoes an `append`. */
  dropNewest(key: ByteString): void {
    const versions = this.#versions.get(key)!
    this.#bytes -= bytesOf(key, versions.at(-1)!)
    this.#replace(key, versions.slice(0, -1))
  }

  /** Gives up the versions of a key that nobody can ask for after a compaction at `revision`. */
  compact(key: ByteString, revision: number): void {
    const versions = this.#versions.get(key)!
    const kept = compactVersions(versions, revision)
    for (const dropped of versions.slice(0, versions.length - kept.length)) this.#bytes -= bytesOf(key, dropped)
    this.#replace(key, kept)
  }

  /** Of all versions up to `revision`. */
  checksum(revision: number): number {
    let checksum = 0
    for (const key of this.#keys.within({ key: '', rangeEnd: TO_THE_END })) {
      for (const version of this.#versions.get(key)!) {
        if (version.revision <= revision) checksum = crc32(JSON.stringify([key, version]), checksum)
      }
    }
    return checksum
  }

  #replace(key: ByteString, versions: Versions): void {
    if (versions.length === 0) {
      this.#versions.delete(key)
      this.#keys.delete(key)
    } else {
      if (!this.#versions.has(key)) this.#keys.add(key)
      this.#versions.set(key, versions)
    }
  }
}

function bytesOf(key: ByteString, { kv }: Version): number {
  return VERSION_BYTES + key.length + (kv?.value.length ?? 0)
}
