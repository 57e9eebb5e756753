/**
 * Range, put and delete, as they act on the store.
 * Source: etcd `server/etcdserver/txn`, `server/storage/mvcc/kvstore_txn.go`; error texts from `api/v3rpc/rpctypes`.
 */
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import { selectKvs } from './selection.ts'
import type { StoreView, StoreWrite } from './store-view.ts'
import type {
  DeleteRangeRequest,
  DeleteRangeResponse,
  KeyValue,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
} from './types.ts'
import { nextKeyValue } from './versions.ts'

/**
 * Answers a Range at the revision asked for (0 or less: the newest). Throws `etcdErrors.futureRevision()` for one that is not yet, and
 * `etcdErrors.compacted()` for one below the compacted revision, which itself can still be read. `selectKvs` makes the answer out of
 * the key-values found, in key order.
 *
 * @lab 1.6 Read a range at a revision
 */
export function applyRange(store: StoreView, request: RangeRequest): RangeResponse {
  const revision = request.revision > 0 ? request.revision : store.revision
  if (revision > store.revision) throw etcdErrors.futureRevision()
  if (revision < store.compactRevision) throw etcdErrors.compacted()
  const found: KeyValue[] = []
  for (const key of store.keysIn(request)) {
    const kv = store.get(key, revision)
    if (kv) found.push(kv)
  }
  return selectKvs(found, request)
}

/**
 * Puts a key at the write's revision. With `ignoreValue` or `ignoreLease` the key keeps what it has, and must exist
 * (`etcdErrors.keyNotFound()`). With `prevKv` the answer holds what was there before, if anything. That the lease exists has been checked
 * by whoever calls.
 *
 * @lab 1.6 Put a key
 */
export function applyPut(store: StoreWrite, request: PutRequest): PutResponse {
  const previous = store.get(request.key)
  if ((request.ignoreValue || request.ignoreLease) && !previous) throw etcdErrors.keyNotFound()
  const value = request.ignoreValue ? previous!.value : request.value
  const lease = request.ignoreLease ? previous!.lease : request.lease
  store.set(nextKeyValue(previous, { key: request.key, value, lease }, store.writeRevision))
  return request.prevKv && previous ? { prevKv: previous } : {}
}

/**
 * Deletes every existing key of the range, and says how many. Deleting nothing changes nothing, so it takes no revision. With `prevKv` the
 * answer holds what was deleted, in key order.
 *
 * @lab 1.6 Delete a range
 */
export function applyDeleteRange(store: StoreWrite, request: DeleteRangeRequest): DeleteRangeResponse {
  const deleted = [...store.keysIn(request)].flatMap((key) => store.get(key) ?? [])
  for (const { key } of deleted) store.delete(key)
  return { deleted: deleted.length, prevKvs: request.prevKv ? deleted : [] }
}
