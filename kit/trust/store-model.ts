/**
 * What etcd's key-value store is, as clients may rely on it: one map, one revision that grows by one with every change, and answers that
 * tell both.
 *
 * Revisions make the order of changes nearly plain, so a check is quick and misses little: two writes with one revision, a revision
 * that nothing explains, a write done twice and a read from the past all contradict the model.
 *
 * Values must be unique. Then a write that was never answered, but whose value somebody saw, has a known revision.
 * Source: etcd, "KV API guarantees"; etcd `tests/robustness/model/deterministic.go` for the idea.
 */
import { KnownRevisions } from './known-revisions.ts'
import type { Model, Operation } from './linearizability.ts'

export interface Version {
  readonly value: string
  readonly createRevision: number
  readonly modRevision: number
  /** 1 when created; one more with each put. */
  readonly version: number
}

export type StoreRequest =
  | { readonly kind: 'get'; readonly key: string }
  /** All keys at once. */
  | { readonly kind: 'list' }
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string }
  /** Puts `value` under all `keys` if the first still has this mod revision (0: does not exist); otherwise reads the first. */
  | { readonly kind: 'swap'; readonly keys: readonly string[]; readonly ifRevision: number; readonly value: string }

export interface StoreAnswer {
  /** The answer's header: the store's revision just after the operation. */
  readonly revision: number
  /** What the operation found, by key, before it changed anything; null where there was nothing. */
  readonly found: Readonly<Record<string, Version | null>>
  /** Of a swap. */
  readonly succeeded?: boolean
}

export interface StoreOperation extends Operation<StoreRequest, StoreAnswer> {
  /** Through which member. */
  readonly member: string
  /** For people: milliseconds since the history began. */
  readonly fromMs: number
  readonly toMs: number
}

interface Store {
  readonly revision: number
  readonly versions: ReadonlyMap<string, Version>
}

export function keysOf(request: StoreRequest): readonly string[] {
  if (request.kind === 'list') return []
  return request.kind === 'swap' ? request.keys : [request.key]
}

export function isWrite({ kind }: StoreRequest): boolean {
  return kind === 'put' || kind === 'delete' || kind === 'swap'
}

/** A model for this history. What answers tell about unanswered writes only spares vain attempts: without it, the verdict is the same. */
export function storeModel(
  operations: readonly StoreOperation[],
  revisions: Pick<KnownRevisions, 'mayTake' | 'mayBecome' | 'twins'> = new KnownRevisions(operations),
): Model<Store, StoreOperation> {
  return {
    initial: { revision: 1, versions: new Map() },
    step(store, operation) {
      const next = change(store, operation.request)
      if (operation.answer) return isExplained(store, next, operation) ? next : undefined
      if (next === store || !revisions.mayTake(operation.request, next.revision)) return undefined
      return revisions.mayBecome(next.versions, next.revision) ? next : undefined
    },
    twins: ({ request }) => revisions.twins(request),
    fingerprint: ({ revision, versions }) => `${revision} ${[...versions].map(describeVersion).sort().join()}`,
  }
}

function describeVersion([key, { value, createRevision, modRevision, version }]: [string, Version]): string {
  return `${key}=${value}@${createRevision}/${modRevision}/${version}`
}

/** The store after the request; the same object if it changes nothing. */
function change(store: Store, request: StoreRequest): Store {
  const revision = store.revision + 1
  switch (request.kind) {
    case 'get':
    case 'list':
      return store
    case 'put':
      return { revision, versions: withValue(store, [request.key], request.value) }
    case 'delete': {
      if (!store.versions.has(request.key)) return store
      const versions = new Map(store.versions)
      versions.delete(request.key)
      return { revision, versions }
    }
    case 'swap': {
      if (!isUnchanged(store, request)) return store
      return { revision, versions: withValue(store, request.keys, request.value) }
    }
  }
}

function isUnchanged(store: Store, { keys, ifRevision }: { keys: readonly string[]; ifRevision: number }): boolean {
  return (store.versions.get(keys[0]!)?.modRevision ?? 0) === ifRevision
}

function withValue({ revision, versions }: Store, keys: readonly string[], value: string): Map<string, Version> {
  const changed = new Map(versions)
  const modRevision = revision + 1
  for (const key of keys) {
    const old = versions.get(key)
    const { createRevision, version } = old ?? { createRevision: modRevision, version: 0 }
    changed.set(key, { value, createRevision, modRevision, version: version + 1 })
  }
  return changed
}

/** Whether the answer is the one that `before`, and the change to `after`, lead to. */
function isExplained(before: Store, after: Store, { request, answer }: StoreOperation): boolean {
  const { revision, found, succeeded } = answer!
  if (after.revision !== revision) return false
  if (request.kind === 'swap' && isUnchanged(before, request) !== succeeded) return false
  if (request.kind === 'list' && Object.keys(found).length !== before.versions.size) return false
  return Object.entries(found).every(([key, version]) => isSame(version, before.versions.get(key) ?? null))
}

export function isSame(a: Version | null, b: Version | null): boolean {
  if (a === null || b === null) return a === b
  return (
    a.value === b.value &&
    a.modRevision === b.modRevision &&
    a.createRevision === b.createRevision &&
    a.version === b.version
  )
}

/** Whether an answered operation has changed the store, and so has a revision of its own. */
export function hasChanged(request: StoreRequest, answer: StoreAnswer): boolean {
  if (request.kind === 'swap') return answer.succeeded === true
  if (request.kind === 'delete') return answer.found[request.key] !== null
  return request.kind === 'put'
}
