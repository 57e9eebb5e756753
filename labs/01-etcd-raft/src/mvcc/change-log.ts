/**
 * The store's history by revision: what watches live on, and what snapshots are made from.
 *
 * From the compacted revision on it knows every change. Of what is older it knows only the versions that reads at the compacted revision still need.
 * Lists are only ever added to or replaced, and what they hold is never changed: so whoever has one may keep it.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { countBefore } from './count-before.ts'
import type { KeyIndex } from './key-index.ts'
import { type StoredVersion, versionOf } from './store-contents.ts'
import type { Change, KeyEvent, KeyValue } from './types.ts'

export class ChangeLog {
  /** What each revision changed, oldest first. */
  #changes: Change[] = []
  /** Versions that are older than `#changes`: of each key at most the one that the compacted revision needs. */
  #base: StoredVersion[] = []

  /** How many versions there are, except that those of one revision may count as one. */
  get length(): number {
    return this.#base.length + this.#changes.length
  }

  add(change: Change): void {
    this.#changes.push(change)
  }

  /** From `revision` on, oldest first, at most `limit` revisions. */
  from(revision: number, limit: number): Change[] {
    const place = this.#placeOf(revision)
    return this.#changes.slice(place, place + limit)
  }

  /**
   * Gives up all revisions before `revision`, here and in the index.
   *
   * Only a key that has changed since the last compaction can have anything to give up. So this takes as long as the history that goes is, however many
   * keys there are: a leader that walked over all of them would miss heartbeats.
   */
  compact(revision: number, index: KeyIndex): void {
    const place = this.#placeOf(revision)
    const past = this.#changes.slice(0, place)
    this.#changes = this.#changes.slice(place)
    const present = this.#changes[0]?.revision === revision ? this.#changes.slice(0, 1) : []
    const changed = new Set<ByteString>()
    for (const { events } of [...past, ...present]) for (const { kv } of events) changed.add(kv.key)
    for (const key of changed) index.compact(key, revision)
    const base = past.flatMap(({ events }) => events.flatMap(({ kv }, sub) => keptVersion(index, kv, sub)))
    this.#base = [...this.#base.filter(({ key }) => !changed.has(key)), ...base]
  }

  /** All versions there are now, whatever happens before they are walked over. */
  versions(): Iterable<StoredVersion> {
    const base = this.#base
    const changes = this.#changes
    const changeCount = changes.length
    return {
      *[Symbol.iterator]() {
        yield* base
        for (let place = 0; place < changeCount; place++) yield* changes[place]!.events.map(versionOf)
      },
    }
  }

  /** Of a snapshot: a version from before the compacted revision. */
  restoreBase(version: StoredVersion): void {
    this.#base.push(version)
  }

  /** Of a snapshot: the next event, which may belong to the same revision as the one before. */
  restoreEvent(event: KeyEvent): void {
    const { modRevision } = event.kv
    const change = this.#changes.at(-1)
    if (change?.revision === modRevision) (change.events as KeyEvent[]).push(event)
    else this.#changes.push({ revision: modRevision, events: [event] })
  }

  /** Of the first change at or after `revision`. */
  #placeOf(revision: number): number {
    return countBefore(this.#changes.length, (place) => this.#changes[place]!.revision < revision)
  }
}

/** What a compaction has left of a write. */
function keptVersion(index: KeyIndex, { key, modRevision }: KeyValue, sub: number): StoredVersion[] {
  const oldest = index.oldestVersion(key)
  return oldest?.revision === modRevision ? [{ key, ...oldest, sub }] : []
}
