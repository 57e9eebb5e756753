/**
 * What a Range answers with, out of the keys that lie in its range.
 * Source: etcd `server/etcdserver/txn` (range with sort, limit and revision filters).
 */
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
  const count = found.length
  if (selection.countOnly) return { kvs: [], more: false, count }
  const kept = sorted(found.filter(revisionFilter(selection)), selection)
  const limited = selection.limit > 0 ? kept.slice(0, selection.limit) : kept
  const kvs = selection.keysOnly ? limited.map((kv) => ({ ...kv, value: '' })) : limited
  return { kvs, more: limited.length < kept.length, count }
}

/** @solution-only */
function revisionFilter(bounds: Selection): (kv: KeyValue) => boolean {
  const within = (revision: number, min: number, max: number) => revision >= min && (max === 0 || revision <= max)
  return (kv) =>
    within(kv.modRevision, bounds.minModRevision, bounds.maxModRevision) &&
    within(kv.createRevision, bounds.minCreateRevision, bounds.maxCreateRevision)
}

/** @solution-only */
function sorted(kvs: KeyValue[], { sortTarget, sortOrder }: Selection): KeyValue[] {
  if (sortTarget === 'KEY' && sortOrder === 'NONE') return kvs
  const field = SORT_FIELDS[sortTarget]
  const sign = sortOrder === 'DESCEND' ? -1 : 1
  return kvs.sort((a, b) => (a[field] < b[field] ? -sign : a[field] > b[field] ? sign : 0))
}

/** The field that each sort target names. */
export const SORT_FIELDS = {
  KEY: 'key',
  VERSION: 'version',
  CREATE: 'createRevision',
  MOD: 'modRevision',
  VALUE: 'value',
} as const
