/**
 * Transactions: compare, then do one of two lists of operations, all at one revision; and compaction's own check.
 *
 * This is the only conditional write that etcd has, and all that Kubernetes needs: "put this if the key's modRevision is still 7, else
 * show me what is there now".
 * Source: etcd `server/etcdserver/txn`, `server/etcdserver/api/v3rpc/key.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { ByteRange } from './byte-range.ts'
import { applyDeleteRange, applyPut, applyRange } from './operations.ts'
import type { StoreView, StoreWrite } from './store.ts'
import type { Compare, KeyValue, RequestOp, ResponseOp, TxnRequest, TxnResponse } from './types.ts'

const MAX_TXN_OPS = 128

/** A key that does not exist, as comparisons see it. */
const ABSENT = { createRevision: 0, modRevision: 0, version: 0, lease: '0' } as const

/**
 * Whether one key satisfies a comparison: `<what the key has> <result> <what the comparison names>`. A key that does not exist has version, revisions
 * and lease 0, and no value: every comparison of its value fails, NOT_EQUAL too. What the comparison leaves out is 0 or empty. Lease ids are decimal
 * strings: compare them as numbers (`BigInt`).
 *
 * @lab 1.6 Compare a key
 */
export function compareHolds(compare: Compare, kv: KeyValue | undefined): boolean {
  throw new NotImplemented('1.6', 'compareHolds', 'Compare a key', 'labs/01-etcd-raft/src/mvcc/txn.ts')
}

/** A comparison with a range holds if it holds for every key in it; without any key, it sees one that does not exist. */
function rangeHolds(store: StoreView, compare: Compare): boolean {
  const kvs = [...store.keysIn(compare)].flatMap((key) => store.get(key) ?? [])
  return kvs.length === 0 ? compareHolds(compare, undefined) : kvs.every((kv) => compareHolds(compare, kv))
}

/**
 * Runs a transaction: if all comparisons hold (`rangeHolds`), the operations of `success` in order (`applyOp`), else those of `failure`. Later
 * operations see what earlier ones did.
 *
 * @lab 1.6 Run a transaction
 */
export function applyTxn(store: StoreWrite, request: TxnRequest): TxnResponse {
  throw new NotImplemented('1.6', 'applyTxn', 'Run a transaction', 'labs/01-etcd-raft/src/mvcc/txn.ts')
}

/** Answers carry the revision at which they were made, as upstream's do. */
function applyOp(store: StoreWrite, operation: RequestOp): ResponseOp {
  const answered = <Response extends object>(response: Response) => ({
    ...response,
    header: { clusterId: '0', memberId: '0', raftTerm: 0, revision: store.revision },
  })
  if (operation.requestRange) return { responseRange: answered(applyRange(store, operation.requestRange)) }
  if (operation.requestPut) return { responsePut: answered(applyPut(store, operation.requestPut)) }
  if (operation.requestDeleteRange) {
    return { responseDeleteRange: answered(applyDeleteRange(store, operation.requestDeleteRange)) }
  }
  if (operation.requestTxn) return { responseTxn: answered(applyTxn(store, operation.requestTxn)) }
  return {}
}

/** Whether any branch writes, nested ones included. */
export function txnWrites(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].some(
    ({ requestPut, requestDeleteRange, requestTxn }) =>
      requestPut !== undefined ||
      requestDeleteRange !== undefined ||
      (requestTxn !== undefined && txnWrites(requestTxn)),
  )
}

/** Refuses what can be refused without looking at the store. */
export function checkTxn(request: TxnRequest): void {
  if (Math.max(request.compare.length, request.success.length, request.failure.length) > MAX_TXN_OPS) {
    throw etcdErrors.tooManyOps()
  }
  if (request.compare.some((compare) => compare.key === '')) throw etcdErrors.emptyKey()
  for (const operations of [request.success, request.failure]) {
    for (const { requestRange, requestPut, requestDeleteRange, requestTxn } of operations) {
      if ((requestRange ?? requestPut ?? requestDeleteRange)?.key === '') throw etcdErrors.emptyKey()
      if (requestTxn) checkTxn(requestTxn)
    }
    checkWritesOnce(operations)
  }
}

/** The keys that operations put, and the ranges that they delete; of a nested transaction, those of either branch. */
interface Writes {
  readonly puts: string[]
  readonly deletes: ByteRange[]
}

/**
 * Throws `etcdErrors.duplicateKey()` if one key would be written twice at one revision: put twice, or put and deleted. Deleting it
 * twice is harmless. The two branches of a nested transaction never both run, so they may write the same key.
 *
 * @lab 1.6 Refuse to write a key twice
 */
export function checkWritesOnce(operations: readonly RequestOp[]): void {
  throw new NotImplemented('1.6', 'checkWritesOnce', 'Refuse to write a key twice', 'labs/01-etcd-raft/src/mvcc/txn.ts')
}

/**
 * Whether the store may be compacted at `revision`: throws `etcdErrors.compacted()` if that has been done already (at it or beyond it), and
 * `etcdErrors.futureRevision()` if the revision is not yet.
 *
 * @lab 1.6 Check a compaction
 */
export function checkCompaction(store: Pick<StoreView, 'revision' | 'compactRevision'>, revision: number): void {
  throw new NotImplemented('1.6', 'checkCompaction', 'Check a compaction', 'labs/01-etcd-raft/src/mvcc/txn.ts')
}
