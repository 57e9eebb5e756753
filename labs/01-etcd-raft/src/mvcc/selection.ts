/**
 * What a Range answers with, out of the keys that lie in its range.
 * Source: etcd `server/etcdserver/txn` (range with sort, limit and revision filters).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { KeyValue, RangeRequest, RangeResponse } from './types.ts'

export type Selection = Pick<
  RangeRequest,
  | 'limit'
  | 'sortOrder'
  | 'sortTarget'
  | 'keysOnly'
  | 'countOnly'
  | 'minModRevision'
  | 'maxModRevision'
  | 'minCreateRevision'
  | 'maxCreateRevision'
>

/**
 * Filters, sorts and limits. `found` is in key order and must not be changed.
 *
 * `count` is of all that was found, before filters and limit. With `countOnly` there are no kvs. The four revision bounds are inclusive, and 0
 * means no bound. Order NONE is ascending for any target but KEY (and key order for KEY); equals keep their key order.
 * `more` says that the limit (0: none) left some out. With `keysOnly` the values are empty.
 *
 * @lab 1.6 Filter, sort and limit
 */
export function selectKvs(found: readonly KeyValue[], selection: Selection): RangeResponse {
  throw new NotImplemented('1.6', 'selectKvs', 'Filter, sort and limit', 'labs/01-etcd-raft/src/mvcc/selection.ts')
}

/** The field that each sort target names. */
export const SORT_FIELDS = {
  KEY: 'key',
  VERSION: 'version',
  CREATE: 'createRevision',
  MOD: 'modRevision',
  VALUE: 'value',
} as const
