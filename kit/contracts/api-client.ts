/**
 * How every component except the API server itself talks to the API server. Implemented by kit/client/api-client.ts over
 * Kubernetes REST, so a component can be pointed at a real cluster with `--kubeconfig`.
 *
 * Errors: a definite "no" from the server is thrown as StatusError with the server's reason. A request whose outcome is
 * unknown (connection lost) is thrown as ConnectionError; the write may or may not have happened.
 */
import type { ApiObject, Stored } from '../api/objects.ts'
import type { Resource } from '../api/resources.ts'

export interface ObjectRef {
  readonly namespace?: string | undefined
  readonly name: string
  /** "status", "scale", "binding", … */
  readonly subresource?: string | undefined
}

export interface ListOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly resourceVersion?: string | undefined
}

export interface WatchOptions extends ListOptions {
  readonly timeoutSeconds?: number
}

export interface ObjectList<T> {
  readonly resourceVersion: string
  readonly items: readonly Stored<T>[]
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Stored<T> }
  /** Only `metadata.resourceVersion` is meaningful. */
  | { readonly type: 'BOOKMARK'; readonly object: Stored<T> }

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

export interface ApiClient {
  get<T = ApiObject>(resource: Resource, ref: ObjectRef): Promise<Stored<T>>
  list<T = ApiObject>(resource: Resource, options?: ListOptions): Promise<ObjectList<T>>
  /** POST. `ref.subresource` for creations such as a pod's binding. */
  create<T = ApiObject>(resource: Resource, object: T, ref?: Partial<ObjectRef>): Promise<Stored<T>>
  /** PUT; namespace, name and resourceVersion are taken from the object. */
  update<T = ApiObject>(resource: Resource, object: T, subresource?: string): Promise<Stored<T>>
  patch<T = ApiObject>(resource: Resource, ref: ObjectRef, type: PatchType, patch: unknown): Promise<Stored<T>>
  delete(resource: Resource, ref: ObjectRef, options?: DeleteOptions): Promise<void>
  /**
   * Ends (without an error) when the server ends it, throws StatusError `Expired` when the resourceVersion is compacted.
   * Abort the signal to stop watching.
   */
  watch<T = ApiObject>(resource: Resource, options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchEvent<T>>
  /** Any other path, for instance a discovery document; returns parsed JSON. */
  raw(method: string, path: string, body?: unknown): Promise<unknown>
  /** Closes idle connections. */
  close(): void
}

/** The connection failed before an answer came: whether a write happened is unknown. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}
