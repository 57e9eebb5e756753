/**
 * Transactions: compare, then do one of two lists of operations, all at one revision; and compaction's own check.
 *
 * This is the only conditional write that etcd has, and all that Kubernetes needs: "put this if the key's modRevision is still 7, else
 * show me what is there now".
 * Source: etcd `server/etcdserver/txn`, `server/etcdserver/api/v3rpc/key.go`.
 */
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import { type ByteRange, isInRange } from './byte-range.ts'
import { applyDeleteRange, applyPut, applyRange } from './operations.ts'
import type { StoreView, StoreWrite } from './store-view.ts'
import type { Compare, KeyValue, PutRequest, RequestOp, ResponseOp, TxnRequest, TxnResponse } from './types.ts'

const MAX_TXN_OPS = 128

/** A key that does not exist, as comparisons see it. */
const ABSENT = { createRevision: 0, modRevision: 0, version: 0, lease: '0' } as const

/**
 * Whether one key satisfies a comparison: `<what the key has> <result> <what the comparison names>`. A key that does not exist has version, revisions
 * and lease 0, and no value: every comparison of its value fails, NOT_EQUAL too. What the comparison leaves out is 0 or empty. Lease ids are decimal
 * strings: compare them as numbers (`BigInt`).
 *
 * @lab 1.7 Compare a key
 */
export function compareHolds(compare: Compare, kv: KeyValue | undefined): boolean {
  if (compare.target === 'VALUE') {
    return kv !== undefined && relates(kv.value, compare.result, compare.value ?? '')
  }
  const { version, createRevision, modRevision, lease } = kv ?? ABSENT
  switch (compare.target) {
    case 'VERSION':
      return relates(version, compare.result, compare.version ?? 0)
    case 'CREATE':
      return relates(createRevision, compare.result, compare.createRevision ?? 0)
    case 'MOD':
      return relates(modRevision, compare.result, compare.modRevision ?? 0)
    case 'LEASE':
      return relates(BigInt(lease), compare.result, BigInt(compare.lease ?? 0))
  }
}

/** @solution-only */
function relates<Value extends string | number | bigint>(have: Value, result: Compare['result'], want: Value): boolean {
  switch (result) {
    case 'EQUAL':
      return have === want
    case 'NOT_EQUAL':
      return have !== want
    case 'GREATER':
      return have > want
    case 'LESS':
      return have < want
  }
}

/** A comparison with a range holds if it holds for every key in it; without any key, it sees one that does not exist. */
function rangeHolds(store: StoreView, compare: Compare): boolean {
  const kvs = [...store.keysIn(compare)].flatMap((key) => store.get(key) ?? [])
  return kvs.length === 0 ? compareHolds(compare, undefined) : kvs.every((kv) => compareHolds(compare, kv))
}

/** Which way a transaction goes. */
export interface Branch {
  readonly succeeded: boolean
  readonly operations: readonly RequestOp[]
  /** One for each `requestTxn` among the operations, in order. */
  readonly nested: readonly Branch[]
}

/**
 * Decides which way a transaction goes, and with it every nested transaction of the chosen branch: `success` if all comparisons hold (`rangeHolds`), else
 * `failure`. All of that is decided before anything is done, so nested comparisons do not see what operations before them do.
 *
 * @lab 1.7 Choose the branch
 */
export function chooseBranch(store: StoreView, request: TxnRequest): Branch {
  const succeeded = request.compare.every((compare) => rangeHolds(store, compare))
  const operations = succeeded ? request.success : request.failure
  const nested = operations.flatMap(({ requestTxn }) => (requestTxn ? chooseBranch(store, requestTxn) : []))
  return { succeeded, operations, nested }
}

/** Runs a transaction: decides, checks, and only then does anything. */
export function applyTxn(store: StoreWrite, request: TxnRequest): TxnResponse {
  const branch = chooseBranch(store, request)
  checkBranch(store, branch)
  return runBranch(store, branch)
}

/** Whatever an operation may be refused for is found before the first one is done; as upstream, first for puts. */
function checkBranch(store: StoreWrite, branch: Branch): void {
  const operations = [...operationsOf(branch)]
  for (const { requestPut } of operations) if (requestPut) checkPutTarget(store, requestPut)
  for (const { requestRange } of operations) if (requestRange) checkRevision(store, requestRange.revision)
}

/** All operations that will run, those of nested transactions at their places. */
function* operationsOf({ operations, nested }: Branch): Generator<RequestOp> {
  const inner = nested.values()
  for (const operation of operations) {
    if (operation.requestTxn) yield* operationsOf(inner.next().value!)
    else yield operation
  }
}

function checkPutTarget(store: StoreWrite, { key, lease, ignoreValue, ignoreLease }: PutRequest): void {
  if ((ignoreValue || ignoreLease) && !store.get(key)) throw etcdErrors.keyNotFound()
  store.requireLease(lease)
}

function checkRevision(store: StoreView, revision: number): void {
  if (revision > store.revision) throw etcdErrors.futureRevision()
  if (revision > 0 && revision < store.compactRevision) throw etcdErrors.compacted()
}

/** One operation after the other, each on what the ones before have left. */
function runBranch(store: StoreWrite, { succeeded, operations, nested }: Branch): TxnResponse {
  const inner = nested.values()
  const responses = operations.map((operation) =>
    operation.requestTxn
      ? { responseTxn: answered(runBranch(store, inner.next().value!), 0) }
      : applyOp(store, operation),
  )
  return { succeeded, responses }
}

function applyOp(store: StoreWrite, { requestRange, requestPut, requestDeleteRange }: RequestOp): ResponseOp {
  if (requestRange) return { responseRange: answered(applyRange(store, requestRange), store.revision) }
  if (requestPut) return { responsePut: answered(applyPut(store, requestPut), store.revision) }
  if (requestDeleteRange)
    return { responseDeleteRange: answered(applyDeleteRange(store, requestDeleteRange), store.revision) }
  return {}
}

/** Answers inside a transaction carry the store's revision as they were made, and nested transactions' carry 0: so do upstream's. */
function answered<Response extends object>(response: Response, revision: number) {
  return { ...response, header: { clusterId: '0', memberId: '0', raftTerm: 0, revision } }
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

/** Refuses what can be refused without looking at the store: first what is malformed, anywhere, then what clashes. */
export function checkTxn(request: TxnRequest): void {
  checkForm(request)
  checkWritesOnce(request.success)
  checkWritesOnce(request.failure)
}

function checkForm(request: TxnRequest): void {
  if (Math.max(request.compare.length, request.success.length, request.failure.length) > MAX_TXN_OPS) {
    throw etcdErrors.tooManyOps()
  }
  if (request.compare.some((compare) => compare.key === '')) throw etcdErrors.emptyKey()
  for (const { requestRange, requestPut, requestDeleteRange, requestTxn } of [...request.success, ...request.failure]) {
    if ((requestRange ?? requestDeleteRange)?.key === '') throw etcdErrors.emptyKey()
    if (requestPut) checkPut(requestPut)
    if (requestTxn) checkForm(requestTxn)
  }
}

export function checkPut(request: PutRequest): void {
  if (request.key === '') throw etcdErrors.emptyKey()
  if (request.ignoreValue && request.value !== '') throw etcdErrors.valueProvided()
  if (request.ignoreLease && request.lease !== '0') throw etcdErrors.leaseProvided()
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
 * @lab 1.7 Refuse to write a key twice
 */
export function checkWritesOnce(operations: readonly RequestOp[]): void {
  collectWrites(operations)
}

/** @solution-only */
function collectWrites(operations: readonly RequestOp[]): Writes {
  const all: Writes = { puts: [], deletes: [] }
  for (const operation of operations) {
    const added = writesOf(operation)
    const isPutTwice = added.puts.some((key) => all.puts.includes(key))
    if (isPutTwice || clash(all.puts, added.deletes) || clash(added.puts, all.deletes)) throw etcdErrors.duplicateKey()
    all.puts.push(...added.puts)
    all.deletes.push(...added.deletes)
  }
  return all
}

/** @solution-only */
function writesOf({ requestPut, requestDeleteRange, requestTxn }: RequestOp): Writes {
  if (requestPut) return { puts: [requestPut.key], deletes: [] }
  if (requestDeleteRange) return { puts: [], deletes: [requestDeleteRange] }
  if (!requestTxn) return { puts: [], deletes: [] }
  const branches = [collectWrites(requestTxn.success), collectWrites(requestTxn.failure)]
  return { puts: branches.flatMap(({ puts }) => puts), deletes: branches.flatMap(({ deletes }) => deletes) }
}

/** @solution-only */
function clash(puts: readonly string[], deletes: readonly ByteRange[]): boolean {
  return puts.some((key) => deletes.some((range) => isInRange(key, range)))
}

/**
 * Whether the store may be compacted at `revision`: throws `etcdErrors.compacted()` if that has been done already (at it or beyond it), and
 * `etcdErrors.futureRevision()` if the revision is not yet.
 *
 * @lab 1.7 Check a compaction
 */
export function checkCompaction(store: Pick<StoreView, 'revision' | 'compactRevision'>, revision: number): void {
  if (revision <= store.compactRevision) throw etcdErrors.compacted()
  if (revision > store.revision) throw etcdErrors.futureRevision()
}
