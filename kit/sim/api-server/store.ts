/**
 * The simulated API server's memory: objects by resource and key, one revision counter, and the history that watches read.
 *
 * It keeps the promises that controllers rest on (conflicts, generations, graceful deletion, finalizers), and nothing else:
 * no defaulting, no validation, no authorization. Lab 2 has the real rules.
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Stored, StoredMeta } from '../../api/objects.ts'
import { StatusError } from '../../api/status-error.ts'
import type { Clock } from '../../contracts/clock.ts'

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }

/** A stored object whose metadata the store itself may write. */
export type SimObject = Omit<Stored<ApiObject>, 'metadata'> & { metadata: Mutable<StoredMeta> }

export interface HistoryEntry {
  readonly revision: number
  /** "pods", "deployments.apps": plural and group. */
  readonly resource: string
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: SimObject
  readonly previous?: SimObject | undefined
}

export interface DeletionRequest {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: string
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

export class SimStore {
  readonly history: HistoryEntry[] = []
  /** History up to and including this revision is gone: watches from there get `Expired`. */
  compactedRevision = 0
  revision = 1
  readonly #clock: Clock
  readonly #objects = new Map<string, Map<string, SimObject>>()
  readonly #listeners = new Set<(entry: HistoryEntry) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  list(resource: string, namespace?: string): SimObject[] {
    const all = [...(this.#objects.get(resource)?.values() ?? [])]
    const inScope = namespace ? all.filter((object) => object.metadata.namespace === namespace) : all
    return inScope.sort((a, b) => compareText(keyOf(a), keyOf(b)))
  }

  get(resource: string, namespace: string | undefined, name: string): SimObject {
    const found = this.#objects.get(resource)?.get(namespace ? `${namespace}/${name}` : name)
    if (!found) throw new StatusError(404, 'NotFound', `${resource} "${name}" not found`, { name, kind: resource })
    return found
  }

  create(resource: string, object: ApiObject, namespace: string | undefined): SimObject {
    const { metadata = {} } = object
    const name = metadata.name || `${metadata.generateName ?? ''}${randomSuffix()}`
    const exists = this.#objects.get(resource)?.has(namespace ? `${namespace}/${name}` : name)
    if (exists)
      throw new StatusError(409, 'AlreadyExists', `${resource} "${name}" already exists`, { name, kind: resource })
    const stored: SimObject = {
      ...object,
      metadata: {
        ...metadata,
        ...(namespace && { namespace }),
        name,
        uid: randomUUID(),
        creationTimestamp: this.#timestamp(),
        generation: 1,
        resourceVersion: '',
      },
    }
    if (resource === 'namespaces') {
      stored.spec = { finalizers: ['kubernetes'], ...(stored.spec as object) }
      stored.status = { phase: 'Active' }
    }
    if (resource === 'pods') stored.status = { phase: 'Pending', ...(stored.status as object) }
    return this.#commit(resource, 'ADDED', stored)
  }

  /**
   * Replaces an object, or only its status. A resourceVersion in `next` must be the stored one.
   * @param part "" for the object itself; "status" or another subresource that owns part of it.
   */
  update(resource: string, namespace: string | undefined, name: string, next: ApiObject, part: string): SimObject {
    const current = this.get(resource, namespace, name)
    const asked = next.metadata?.resourceVersion
    if (asked && asked !== current.metadata.resourceVersion) {
      throw new StatusError(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${resource} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
        { name, kind: resource },
      )
    }
    const merged = this.#merge(resource, current, next, part)
    if (isDeepStrictEqual(merged, current)) return current
    const specChanged = part === '' && !isDeepStrictEqual(merged.spec, current.spec)
    if (specChanged) merged.metadata.generation = (current.metadata.generation ?? 0) + 1
    return this.#finished(resource, merged)
      ? this.#remove(resource, merged)
      : this.#commit(resource, 'MODIFIED', merged)
  }

  delete(resource: string, namespace: string | undefined, name: string, request: DeletionRequest): SimObject {
    const current = this.get(resource, namespace, name)
    const { uid, resourceVersion } = request.preconditions ?? {}
    if (
      (uid && uid !== current.metadata.uid) ||
      (resourceVersion && resourceVersion !== current.metadata.resourceVersion)
    ) {
      throw new StatusError(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${resource} "${name}": Precondition failed`,
      )
    }
    const marked = structuredClone(current)
    const { metadata } = marked
    const finalizers = new Set(metadata.finalizers)
    if (request.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion')
    if (request.propagationPolicy === 'Orphan') finalizers.add('orphan')
    if (finalizers.size > 0) metadata.finalizers = [...finalizers]

    const graceSeconds = this.#graceSeconds(resource, current, request)
    const shortened =
      metadata.deletionGracePeriodSeconds === undefined || graceSeconds < metadata.deletionGracePeriodSeconds
    if (shortened) {
      metadata.deletionTimestamp = this.#timestamp(graceSeconds)
      metadata.deletionGracePeriodSeconds = graceSeconds
    }
    if (resource === 'namespaces') marked.status = { ...(marked.status as object), phase: 'Terminating' }
    if (this.#finished(resource, marked)) return this.#remove(resource, marked)
    return isDeepStrictEqual(marked, current) ? current : this.#commit(resource, 'MODIFIED', marked)
  }

  subscribe(listener: (entry: HistoryEntry) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Forgets history, so that watches from older revisions get `Expired`. */
  compact(): void {
    this.compactedRevision = this.revision
    this.history.length = 0
  }

  #merge(resource: string, current: SimObject, next: ApiObject, part: string): SimObject {
    const merged = structuredClone(part === 'status' ? { ...current, status: next.status } : { ...current, ...next })
    if (part === 'finalize') {
      return { ...structuredClone(current), spec: structuredClone(next.spec) }
    }
    if (part === '' && (resource === 'pods' || 'status' in current)) merged.status = structuredClone(current.status)
    const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds } = current.metadata
    merged.metadata = {
      ...structuredClone(
        part === 'status' ? { ...current.metadata, annotations: next.metadata?.annotations } : next.metadata,
      ),
      ...(current.metadata.namespace && { namespace: current.metadata.namespace }),
      name: current.metadata.name,
      uid,
      creationTimestamp,
      ...(generation !== undefined && { generation }),
      ...(deletionTimestamp && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
      resourceVersion: current.metadata.resourceVersion,
    }
    return merged as SimObject
  }

  /** Pods that run somewhere are stopped gracefully; everything else goes at once. */
  #graceSeconds(resource: string, object: SimObject, request: DeletionRequest): number {
    const spec = object.spec as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined
    if (resource !== 'pods' || !spec?.nodeName) return 0
    return request.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30
  }

  /** Deleted, no finalizer left, no grace period left. */
  #finished(resource: string, { metadata, spec }: SimObject): boolean {
    if (!metadata.deletionTimestamp || (metadata.finalizers?.length ?? 0) > 0) return false
    if (resource === 'namespaces') return ((spec as { finalizers?: string[] })?.finalizers?.length ?? 0) === 0
    return (metadata.deletionGracePeriodSeconds ?? 0) === 0
  }

  #commit(resource: string, type: 'ADDED' | 'MODIFIED', object: SimObject): SimObject {
    const objects = this.#objects.get(resource) ?? new Map<string, SimObject>()
    this.#objects.set(resource, objects)
    const previous = objects.get(keyOf(object))
    const stored = this.#withNextRevision(object)
    objects.set(keyOf(stored), stored)
    this.#publish({ revision: this.revision, resource, type, object: stored, previous })
    return stored
  }

  #remove(resource: string, object: SimObject): SimObject {
    const previous = this.#objects.get(resource)?.get(keyOf(object))
    this.#objects.get(resource)?.delete(keyOf(object))
    const last = this.#withNextRevision(object)
    this.#publish({ revision: this.revision, resource, type: 'DELETED', object: last, previous })
    return last
  }

  #withNextRevision(object: SimObject): SimObject {
    this.revision += 1
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.revision) } }
  }

  #publish(entry: HistoryEntry): void {
    this.history.push(entry)
    for (const listener of this.#listeners) listener(entry)
  }

  #timestamp(plusSeconds = 0): string {
    return new Date(this.#clock.now() + plusSeconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
  }
}

function keyOf(object: SimObject): string {
  const { namespace, name } = object.metadata
  return namespace ? `${namespace}/${name}` : name
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Five characters, as `generateName` appends. Source: apimachinery `util/rand` (no vowels, so no words). */
function randomSuffix(): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789'
  return Array.from({ length: 5 }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join('')
}
