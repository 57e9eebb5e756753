/**
 * The given list-and-watch: keeps a local copy of one kind up to date, resumes after lost connections and re-lists after
 * `Expired`. Implemented by kit/client/list-watch.ts. (Lab 4 has learners write their own informer, with more to it.)
 */
import type { ApiObject, Stored } from '../api/objects.ts'
import type { Resource } from '../api/resources.ts'
import type { ApiClient, ListOptions } from './api-client.ts'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'

export interface ListWatchHandlers<T> {
  added?(object: Stored<T>): void
  updated?(object: Stored<T>, previous: Stored<T>): void
  deleted?(object: Stored<T>): void
}

export interface ListWatchOptions<T> extends Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'> {
  readonly client: ApiClient
  readonly resource: Resource
  readonly handlers?: ListWatchHandlers<T>
  readonly clock?: Clock
  readonly log?: Log
}

export interface ListWatch<T = ApiObject> {
  /** Resolves when the first list has been delivered to the handlers. */
  readonly synced: Promise<void>
  /** By key, "namespace/name" or "name". */
  get(key: string): Stored<T> | undefined
  list(): readonly Stored<T>[]
  stop(): void
}
