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
import { AskedTwice } from '#kit/apiserver/asked-twice.ts'
import { knownStoredText, rememberStoredText } from '#kit/apiserver/json-text.ts'
import { type KeyValueStore, singleKey, type TxnRequest, type TxnResponse } from '#kit/contracts/key-value-store.ts'

/** Each lost race means that somebody else has won one; so many in a row mean that something is wrong with us. */
const MAX_ATTEMPTS = 1_000

/** What an update wants done with the object that it was shown. */
export type UpdateOutcome =
  /** With a lease of etcd, the object vanishes when the lease does. A put without one makes it stay. */
  { readonly put: ApiObject; readonly lease?: string | undefined } | { readonly remove: true }

/**
 * Looks at the current object (undefined: there is none) and decides. May be called several times, so it must not
 * change what it is given, nor remember anything. Throws to give up.
 */
export type Update = (current: Stored<ApiObject> | undefined) => Promise<UpdateOutcome>

/**
 * The text that etcd keeps: the object without its resourceVersion.
 *
 * @lab 2.3 Store an object without its version
 */
export function encodeObject(object: ApiObject): string {
  const { resourceVersion: _onlyEtcdKnows, ...metadata } = object.metadata ?? {}
  return JSON.stringify({ ...object, metadata })
}

const texts = new WeakMap<ApiObject, string>()

/** `encodeObject`, once for each object: nobody changes one that is stored, or that has been given to the store. */
export function storedText(object: ApiObject): string {
  const known = texts.get(object) ?? knownStoredText(object)
  if (known !== undefined) return known
  const text = encodeObject(object)
  texts.set(object, text)
  return text
}

const versions = new AskedTwice<Stored<ApiObject>>()

/** `decodeObject`, once for a version that this server writes: etcd tells of it twice, by its answer and by an event. */
export function storedObject(value: string, modRevision: number): Stored<ApiObject> {
  return versions.of(modRevision, value, () => rememberStoredText(decodeObject(value, modRevision), value))
}

/** The same object as of another revision: what was removed keeps its form, but its removal has a version of its own. */
export function atRevision(object: ApiObject, revision: number): Stored<ApiObject> {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } } as Stored<ApiObject>
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

/**
 * The transaction that stores a new object under a key that must not exist. To look first and write later would let two
 * creators both win. `storedText` makes the text.
 *
 * @param lease of etcd; the object vanishes with it
 * @lab 2.3 Create only what is not there
 */
export function creation(key: string, object: ApiObject, lease?: string): TxnRequest {
  return {
    compare: { key, modRevision: 0 },
    success: { put: { key, value: storedText(object), ...(lease && { lease }) } },
  }
}

/**
 * The transaction that does to the current object what an update wants (put another in its place, with a lease if the
 * outcome has one, or remove it), if the object is still the one that the update was shown; undefined `current`: if there
 * still is none. When it is not, the transaction reads what is there instead, for the next try.
 *
 * Undefined when there is nothing to do: a put of exactly what is stored is not written, so that there is no new version,
 * and no event for watchers. `storedText` makes the texts.
 *
 * @lab 2.3 Change only what you have seen
 */
export function change(
  key: string,
  current: Stored<ApiObject> | undefined,
  outcome: UpdateOutcome,
): TxnRequest | undefined {
  const compare = { key, modRevision: Number(current?.metadata.resourceVersion ?? 0) }
  const failure = { get: { key } }
  if ('remove' in outcome) return { compare, success: { delete: { key } }, failure }
  const value = storedText(outcome.put)
  if (current && value === storedText(current)) return undefined
  return { compare, success: { put: { key, value, ...(outcome.lease && { lease: outcome.lease }) } }, failure }
}

/**
 * What came of a `change`. If it succeeded, `done` is the object as it is now: what was put, or (for a removal) the object
 * that was removed, in both cases with the revision of the transaction as its resourceVersion. If not, `current` is what
 * the transaction found instead (undefined: nothing), and the update must look again. `storedObject` makes the object that was put,
 * and `atRevision` the one that was removed.
 *
 * @lab 2.3 Win, or look again
 */
export function afterChange(
  current: Stored<ApiObject> | undefined,
  outcome: UpdateOutcome,
  answer: TxnResponse,
): { readonly done: Stored<ApiObject> } | { readonly current: Stored<ApiObject> | undefined } {
  if (!answer.succeeded) {
    return { current: answer.current && decodeObject(answer.current.value, answer.current.modRevision) }
  }
  if ('remove' in outcome) return { done: atRevision(current ?? {}, answer.revision) }
  return { done: storedObject(storedText(outcome.put), answer.revision) }
}

export class ObjectStore {
  readonly #store: KeyValueStore

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** Linearizable: sees every write that was acknowledged before. Undefined when there is no such object. */
  async get(key: string): Promise<Stored<ApiObject> | undefined> {
    const { kvs } = await this.#store.range({ ...singleKey(key), limit: 1 })
    return kvs[0] && decodeObject(kvs[0].value, kvs[0].modRevision)
  }

  /** The stored object, or undefined when the key is taken. */
  async create(key: string, object: ApiObject, lease?: string): Promise<Stored<ApiObject> | undefined> {
    const answer = await this.#store.txn(creation(key, object, lease))
    return answer.succeeded ? storedObject(storedText(object), answer.revision) : undefined
  }

  /**
   * Asks `update` what to do with the current object, until a transaction has done it to just that object. Returns it as
   * it is afterwards; after a removal the object that was removed, with the revision of its removal.
   *
   * `guess`, when given, is a recent copy of the object (from a cache) and saves the first read. It may be old, and a
   * transaction finds that out. But an `update` that throws on a guess, or wants no change, could be wrong about the
   * present: then the object is read, and asked about again.
   */
  async guaranteedUpdate(key: string, update: Update, guess?: Stored<ApiObject>): Promise<Stored<ApiObject>> {
    const guessed = guess && (await this.#tryGuess(key, update, guess))
    if (guessed && 'done' in guessed) return guessed.done
    let current = guessed ? guessed.current : await this.get(key)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const outcome = await update(current)
      const request = change(key, current, outcome)
      if (!request && current) return current
      if (!request) throw new Error(`nothing to update at ${key}`)
      const result = afterChange(current, outcome, await this.#store.txn(request))
      if ('done' in result) return result.done
      current = result.current
    }
    throw new Error(`no transaction on ${key} has succeeded in ${MAX_ATTEMPTS} attempts`)
  }

  /** Undefined when the guess was not good enough to decide on. If it was too old, the transaction has found what there is. */
  async #tryGuess(key: string, update: Update, guess: Stored<ApiObject>) {
    const outcome = await update(guess).catch(() => undefined)
    const request = outcome && change(key, guess, outcome)
    return request && afterChange(guess, outcome, await this.#store.txn(request))
  }
}
