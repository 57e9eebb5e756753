/**
 * What a controller's reconcile function returns: decisions as plain data. It reads a world (plain data too) and says
 * what should be written; `perform` in the controllers' executor is the only code that writes.
 *
 * So a reconcile can be called with any world, any number of times, on any machine, and a test reads its answer like a
 * list.
 */
import type { ObjectMeta } from '../api/objects.ts'
import type { resources } from '../api/resources.ts'
import type { DeleteOptions, PatchType } from './api-client.ts'

/** Any kind: what all objects have in common. */
export interface AnyObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: ObjectMeta
}

/** A row of kit/api/resources.ts by its name: "pods", "replicaSets". A name, because an action is plain data. */
export type ResourceName = keyof typeof resources

/** Where an object is: the resource, the namespace (none for cluster-scoped kinds) and the name. */
export interface Target {
  readonly resource: ResourceName
  readonly namespace?: string | undefined
  readonly name: string
}

/**
 * An Event about an object, as `kubectl describe` shows it. In the message, `{name}` stands for the name that the
 * server gave to the created object and `{error}` for the server's words; they are not known yet when the decision is
 * made.
 */
export interface EventNote {
  readonly about: AnyObject
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export interface CreateAction {
  readonly do: 'create'
  readonly resource: ResourceName
  readonly object: AnyObject
  readonly onSuccess?: EventNote
  readonly onFailure?: EventNote
}

/** PUT of the whole object. It carries the resourceVersion that was read, so a stale decision ends in a Conflict. */
export interface UpdateAction {
  readonly do: 'update'
  readonly resource: ResourceName
  /** "status", "finalize"; absent: the object itself. */
  readonly subresource?: string
  readonly object: AnyObject
  readonly onSuccess?: EventNote
}

export interface PatchAction extends Target {
  readonly do: 'patch'
  readonly subresource?: string
  readonly type: PatchType
  readonly patch: unknown
  readonly onSuccess?: EventNote
}

export interface DeleteAction extends Target {
  readonly do: 'delete'
  readonly options?: DeleteOptions
  readonly onSuccess?: EventNote
  readonly onFailure?: EventNote
}

/** Only says something; changes nothing. */
export interface NoteAction {
  readonly do: 'note'
  readonly note: EventNote
}

export type Write = CreateAction | UpdateAction | PatchAction | DeleteAction

/** Writes that do not wait for each other. The next action starts only when all of them have succeeded. */
export interface TogetherAction {
  readonly do: 'together'
  readonly writes: readonly Write[]
}

export type Action = Write | NoteAction | TogetherAction

/**
 * What one reconcile decided. Actions are performed in order and stop at the first that fails; the key is then tried
 * again with a fresh look at the world. An empty list is the most frequent decision: nothing to do.
 */
export interface Decision {
  readonly actions: readonly Action[]
  /** Look again after this time even if nothing changes, for instance when a pod becomes available by waiting. */
  readonly requeueAfterMs?: number
}
