/**
 * The informer's memory: a local copy of one kind, kept right by lists and watch events, and the list of what changed.
 *
 * Guarantees: the copy converges on what the server holds; every change is reported once, as a delta against the copy,
 * however often the server repeats itself; after `Expired` the difference between the copy and a fresh list is reported
 * as if its events had been seen. Nothing here waits or connects: informer.ts does that.
 *
 * Source: client-go `tools/cache`: reflector.go (ListAndWatch), delta_fifo.go, thread_safe_store.go (indexes).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Stored } from '#kit/api/objects.ts'
import type { StatusReason } from '#kit/api/status-error.ts'
import type { ObjectList, WatchEvent } from '#kit/contracts/api-client.ts'

/**
 * A change of the copy. A name that was deleted and created again is two deltas, since the new object has a new uid.
 */
export type Delta<T> =
  | { readonly type: 'added'; readonly object: Stored<T> }
  | { readonly type: 'updated'; readonly object: Stored<T>; readonly previous: Stored<T> }
  | { readonly type: 'deleted'; readonly object: Stored<T> }

/** What the informer must ask the server next. */
export type NextRequest = { readonly request: 'list' } | { readonly request: 'watch'; readonly resourceVersion: string }

/** Index name → path of the field, as in `fieldValues`: `{ byNode: 'spec.nodeName' }`. */
export type IndexPaths = Readonly<Record<string, string>>

export class InformerStore<T> {
  readonly #indexPaths: IndexPaths
  /** By "namespace/name". Keys and not uids, because lists and events can only be matched by what they name. */
  readonly #objects = new Map<string, Stored<T>>()
  /** Index name → value → keys of the objects that have this value. */
  readonly #indexes = new Map<string, Map<string, Set<string>>>()
  /** Where a watch continues. Undefined: the copy may have missed something, so list. */
  #resourceVersion: string | undefined

  constructor(indexPaths: IndexPaths = {}) {
    this.#indexPaths = indexPaths
    for (const name of Object.keys(indexPaths)) this.#indexes.set(name, new Map())
  }

  /**
   * What to ask next: a list when nothing is known yet or the place in the history was lost, else a watch from the
   * newest resourceVersion seen (of the list, of an event or of a bookmark).
   *
   * @lab 4.1 Say whether to list or to resume the watch
   */
  nextRequest(): NextRequest {
    throw new NotImplemented(
      '4.1',
      'InformerStore.nextRequest',
      'Say whether to list or to resume the watch',
      'labs/04-controllers/src/informer-store.ts',
    )
  }

  /**
   * A list or watch ended with an error. `Expired` and `Gone` mean that the server no longer has the history from our
   * resourceVersion on; after any other error, and after 'ConnectionLost', the watch can be resumed where it stopped.
   *
   * @lab 4.1 Decide what an error means for the next request
   */
  interrupted(reason: StatusReason | 'ConnectionLost'): void {
    throw new NotImplemented(
      '4.1',
      'InformerStore.interrupted',
      'Decide what an error means for the next request',
      'labs/04-controllers/src/informer-store.ts',
    )
  }

  /**
   * Takes a complete list. Returns the deltas from the copy to the list, deletions first; an object whose
   * resourceVersion is the one we have gives none. An object with the same name but another uid was deleted and created
   * again: two deltas.
   *
   * @lab 4.1 Compare a fresh list with the copy
   */
  replace(list: ObjectList<T>): Delta<T>[] {
    throw new NotImplemented(
      '4.1',
      'InformerStore.replace',
      'Compare a fresh list with the copy',
      'labs/04-controllers/src/informer-store.ts',
    )
  }

  /**
   * Takes one watch event and remembers its resourceVersion as the place to resume. What an event means depends on the
   * copy and not on its name: ADDED for an object we have is an update, or nothing if the version is the same; DELETED
   * for an object that we do not have is nothing; a BOOKMARK only moves the place.
   *
   * @lab 4.1 Apply one watch event
   */
  apply(event: WatchEvent<T>): Delta<T>[] {
    throw new NotImplemented(
      '4.1',
      'InformerStore.apply',
      'Apply one watch event',
      'labs/04-controllers/src/informer-store.ts',
    )
  }

  /** By "namespace/name", or "name" for cluster-scoped kinds. */
  get(key: string): Stored<T> | undefined {
    return this.#objects.get(key)
  }

  list(): readonly Stored<T>[] {
    return [...this.#objects.values()]
  }

  /**
   * All objects that have this value in the index's field, without looking through the others.
   * An index that was not declared is a mistake of the caller and throws.
   *
   * @lab 4.1 Look objects up by an index
   */
  byIndex(index: string, value: string): readonly Stored<T>[] {
    throw new NotImplemented(
      '4.1',
      'InformerStore.byIndex',
      'Look objects up by an index',
      'labs/04-controllers/src/informer-store.ts',
    )
  }
}
