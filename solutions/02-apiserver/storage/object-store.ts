/**
 * Objects in etcd, and the one trick that lets many writers share them without locks: **optimistic concurrency**.
 *
 * Nobody locks an object to change it. A writer reads it together with its `modRevision`, decides on a new value, and asks
 * etcd for a transaction: "put this if the key's modRevision is still what I read". If somebody was faster, nothing is
 * written, and the writer reads and decides again. The modRevision is what the API calls `resourceVersion`; it is never
 * stored inside the value, because only etcd knows it, and only after the write.
 *
 * Guarantees: no write is ever lost by another (each update is based on the version that it replaces); an update that
 * changes nothing writes nothing.
 *
 * Source: apiserver `pkg/storage/etcd3/store.go` (Create, GuaranteedUpdate, Delete).
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { type KeyRange, type KeyValue, type KeyValueStore, singleKey } from '#kit/contracts/key-value-store.ts'

/** What an update wants done with the object that it was shown. */
export type UpdateOutcome = { readonly put: ApiObject } | { readonly remove: true }

/**
 * Looks at the current object (undefined: there is none) and decides. May be called several times, so it must not
 * change what it is given, nor remember anything. Throws to give up.
 */
export type Update = (current: Stored<ApiObject> | undefined) => UpdateOutcome | Promise<UpdateOutcome>

/**
 * The text that etcd keeps: the object without its resourceVersion.
 *
 * @lab 2.3 Store an object without its version
 */
export function encodeObject(object: ApiObject): string {
  const { resourceVersion: _onlyEtcdKnows, ...metadata } = object.metadata ?? {}
  return JSON.stringify({ ...object, metadata })
}

/**
 * The object of a stored text, with `resourceVersion` set to `modRevision`, as text.
 *
 * @lab 2.3 Read an object with its version
 */
export function decodeObject(value: string, modRevision: number): Stored<ApiObject> {
  const object = JSON.parse(value) as Stored<ApiObject>
  object.metadata.resourceVersion = String(modRevision)
  return object
}

export class ObjectStore {
  readonly #store: KeyValueStore

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** Linearizable: sees every write that was acknowledged before. Undefined when there is no such object. */
  async get(key: string): Promise<Stored<ApiObject> | undefined> {
    const { kvs } = await this.#store.range({ ...singleKey(key), limit: 1 })
    return kvs[0] && decode(kvs[0])
  }

  /**
   * Stores a new object under a key that must not exist. Returns it with its resourceVersion, or undefined when the key
   * is taken. One transaction: to look first and write later would let two creators both win.
   *
   * @param lease of etcd; the object vanishes with it
   * @lab 2.3 Create only what is not there
   */
  async create(key: string, object: ApiObject, lease?: string): Promise<Stored<ApiObject> | undefined> {
    const value = encodeObject(object)
    const answer = await this.#store.txn({
      compare: { key, modRevision: 0 },
      success: { put: { key, value, ...(lease && { lease }) } },
    })
    return answer.succeeded ? decodeObject(value, answer.revision) : undefined
  }

  /**
   * Shows the current object to `update`, and puts or removes accordingly, if the object is still the same by then;
   * otherwise starts again with what is there now (the failed transaction brings it along: ask for it in `failure`).
   *
   * Returns the object as it is afterwards; for a removal the object that was removed, with the revision of its removal.
   *
   * - `guess`, when given, is a recent copy of the object (from a cache) and saves the first read. It may be old; the
   *   transaction finds out. An `update` that throws, or wants no change, on a guess could be wrong about the present:
   *   read the object and ask it again.
   * - A put of exactly what is stored is not written: no new version, no event for watchers.
   * - To remove what does not exist is a broken promise of `update`, not an answer.
   *
   * @lab 2.3 Update without losing anybody's write
   */
  async guaranteedUpdate(key: string, update: Update, guess?: Stored<ApiObject>): Promise<Stored<ApiObject>> {
    let current = guess ?? (await this.get(key))
    let isGuess = guess !== undefined
    for (;;) {
      const outcome = await attempt(update, current)
      const noChange = !('error' in outcome) && 'put' in outcome && current && isSame(outcome.put, current)
      if (isGuess && ('error' in outcome || noChange)) {
        current = await this.get(key)
        isGuess = false
        continue
      }
      if ('error' in outcome) throw outcome.error
      if (noChange && current) return current

      const modRevision = Number(current?.metadata.resourceVersion ?? 0)
      const value = 'put' in outcome ? encodeObject(outcome.put) : encodeObject(current ?? {})
      const answer = await this.#store.txn({
        compare: { key, modRevision },
        success: 'put' in outcome ? { put: { key, value } } : { delete: { key } },
        failure: { get: { key } },
      })
      if (answer.succeeded) return decodeObject(value, answer.revision)
      current = answer.current && decode(answer.current)
      isGuess = false
    }
  }

  /** All objects of a range at one revision, in the order of their keys. */
  async list(
    range: KeyRange,
    { limit, revision }: { limit?: number | undefined; revision?: number | undefined } = {},
  ): Promise<{ objects: Stored<ApiObject>[]; revision: number; count: number }> {
    const answer = await this.#store.range({
      ...range,
      ...(limit !== undefined && { limit }),
      ...(revision !== undefined && { revision }),
    })
    return { objects: answer.kvs.map(decode), revision: revision ?? answer.revision, count: answer.count }
  }
}

function decode({ value, modRevision }: KeyValue): Stored<ApiObject> {
  return decodeObject(value, modRevision)
}

/** True when both would be stored as the same text. @solution-only */
function isSame(a: ApiObject, b: ApiObject): boolean {
  return encodeObject(a) === encodeObject(b)
}

/** The outcome, with a thrown error as a value. @solution-only */
async function attempt(
  update: Update,
  current: Stored<ApiObject> | undefined,
): Promise<UpdateOutcome | { readonly error: unknown }> {
  try {
    return await update(current)
  } catch (error) {
    return { error }
  }
}
