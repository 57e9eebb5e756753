/**
 * One kind's objects in memory, and what lately happened to them: the **watch cache**.
 *
 * A hundred clients watch pods; etcd is watched once, by this cache. It keeps the current objects, to answer lists, and a
 * bounded history of changes, to answer watches. A watcher is nothing but a position in that history, and the position is
 * the resource version of the last change it has seen. So there is no queue per watcher, a thousand watchers cost the
 * memory of one, and a slow one can hurt nobody: when the history has moved past its position, it is told `expired` and
 * must list again.
 *
 * Guarantees: `changesAfter(v)` returns every change after v in order, each once, or says that it cannot; changes of
 * one revision are never torn apart; the history holds at most `capacity` changes.
 *
 * Source: apiserver `pkg/storage/cacher/watch_cache.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'

/** One change of one object, with what it was before: a selector may have matched then and not now. */
export interface CacheChange {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly revision: number
  /** Where it is stored: "/registry/pods/default/web". */
  readonly key: string
  /** For DELETED: its last form, with the revision of the deletion as its resourceVersion. */
  readonly object: Stored<ApiObject>
  readonly previous?: Stored<ApiObject>
}

export class WatchCache {
  #capacity: number
  #objects = new Map<string, Stored<ApiObject>>()
  /** Oldest first. Holds every change with a revision above `#historyStart`. */
  #history: CacheChange[] = []
  #historyStart = 0
  #revision = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Everything up to this revision is in the cache. */
  get revision(): number {
    return this.#revision
  }

  /** Positions before this one are expired. */
  get oldestPosition(): number {
    return this.#historyStart
  }

  get size(): number {
    return this.#objects.size
  }

  /** From the next change on. */
  set capacity(changes: number) {
    this.#capacity = changes
  }

  get(key: string): Stored<ApiObject> | undefined {
    return this.#objects.get(key)
  }

  /** The current objects with their keys, in no particular order. */
  entries(): ReadonlyMap<string, Stored<ApiObject>> {
    return this.#objects
  }

  /**
   * Starts over from a list of all objects at `revision`. What happened before it is not known: the history is empty,
   * and positions before `revision` are expired.
   *
   * @lab 2.7 Start from a list
   */
  replace(objects: ReadonlyMap<string, Stored<ApiObject>>, revision: number): void {
    this.#objects = new Map(objects)
    this.#history = []
    this.#historyStart = revision
    this.#revision = revision
  }

  /**
   * Takes the next changes, in order, and remembers that the cache has come to `revision`. No changes at all is news as
   * well: nothing happened up to there. Above its capacity the history forgets its oldest changes, but all changes
   * of one revision together, so that nobody sees half of one.
   *
   * @lab 2.7 Follow the changes
   */
  apply(changes: readonly CacheChange[], revision: number): void {
    for (const change of changes) {
      if (change.type === 'DELETED') this.#objects.delete(change.key)
      else this.#objects.set(change.key, change.object)
      this.#history.push(change)
    }
    this.#revision = Math.max(this.#revision, revision)

    if (this.#history.length <= this.#capacity) return
    const forgotten = this.#history[this.#history.length - this.#capacity - 1]!
    this.#historyStart = forgotten.revision
    this.#history.splice(0, firstAfter(this.#history, forgotten.revision))
  }

  /**
   * Every change after `revision`, oldest first, or "expired" when some of them have been forgotten. A revision in the
   * future simply has no changes after it yet. `firstAfter` finds the place.
   *
   * @lab 2.7 Tell a watcher what it has missed
   */
  changesAfter(revision: number): readonly CacheChange[] | 'expired' {
    if (revision < this.#historyStart) return 'expired'
    return this.#history.slice(firstAfter(this.#history, revision))
  }
}

/** The index of the first change with a higher revision; binary search, since a history is sorted. */
export function firstAfter(history: readonly { readonly revision: number }[], revision: number): number {
  let low = 0
  let high = history.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (history[middle]!.revision <= revision) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * What a change means to somebody who sees only some objects; undefined: nothing. `matched` and `matches` say whether they
 * see the object as it was before the change and as it is after (of a deleted object: as it last was).
 *
 * An object that begins to match is ADDED for them, one that ceases to match is DELETED, though neither was created
 * nor deleted. In the latter case they get the object as they last saw it (`change.previous`), but with the
 * resourceVersion of the change, so that they can resume from there.
 *
 * @lab 2.7 Show a change through a selector
 */
export function selectChange(
  change: CacheChange,
  matched: boolean,
  matches: boolean,
): { readonly type: CacheChange['type']; readonly object: Stored<ApiObject> } | undefined {
  const { type, object, previous } = change
  if (type === 'DELETED') return matched ? { type, object } : undefined
  if (matches) return { type: matched ? 'MODIFIED' : 'ADDED', object }
  if (!matched || !previous) return undefined
  const { resourceVersion } = object.metadata
  return { type: 'DELETED', object: { ...previous, metadata: { ...previous.metadata, resourceVersion } } }
}
