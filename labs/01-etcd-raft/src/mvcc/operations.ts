/**
 * Range, put and delete, as they act on the store.
 * Source: etcd `server/etcdserver/txn`, `server/storage/mvcc/kvstore_txn.go`; error texts from `api/v3rpc/rpctypes`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { StoreView, StoreWrite } from './store-view.ts'
import type {
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
} from './types.ts'

/**
 * Answers a Range at the revision asked for (0 or less: the newest). Throws `etcdErrors.futureRevision()` for one that is not yet, and
 * `etcdErrors.compacted()` for one below the compacted revision, which itself can still be read. `selectKvs` makes the answer out of
 * the key-values found, in key order.
 *
 * @lab 1.6 Read a range at a revision
 */
export function applyRange(store: StoreView, request: RangeRequest): RangeResponse {
  throw new NotImplemented(
    '1.6',
    'applyRange',
    'Read a range at a revision',
    'labs/01-etcd-raft/src/mvcc/operations.ts',
  )
}

/**
 * Puts a key at the write's revision. With `ignoreValue` or `ignoreLease` the key keeps what it has, and must exist
 * (`etcdErrors.keyNotFound()`). With `prevKv` the answer holds what was there before, if anything. That the lease exists has been checked
 * by whoever calls.
 *
 * @lab 1.6 Put a key
 */
export function applyPut(store: StoreWrite, request: PutRequest): PutResponse {
  throw new NotImplemented('1.6', 'applyPut', 'Put a key', 'labs/01-etcd-raft/src/mvcc/operations.ts')
}

/**
 * Deletes every existing key of the range, and says how many. Deleting nothing changes nothing, so it takes no revision. With `prevKv` the
 * answer holds what was deleted, in key order.
 *
 * @lab 1.6 Delete a range
 */
export function applyDeleteRange(store: StoreWrite, request: DeleteRangeRequest): DeleteRangeResponse {
  throw new NotImplemented('1.6', 'applyDeleteRange', 'Delete a range', 'labs/01-etcd-raft/src/mvcc/operations.ts')
}
