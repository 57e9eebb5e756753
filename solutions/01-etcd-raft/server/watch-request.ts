/**
 * What a client may ask to watch, and how upstream reads it.
 * Source: etcd `server/etcdserver/api/v3rpc/watch.go` (`recvLoop`).
 */
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import { TO_THE_END } from '../mvcc/byte-range.ts'
import type { WatchCreateRequest } from '../mvcc/types.ts'

/** Upstream's reasons not to watch, in its words; undefined when there is none. */
export function refusalOf(
  { watchId, key, rangeEnd, startRevision }: WatchCreateRequest,
  isTaken: (watchId: number) => boolean,
): string | undefined {
  if (startRevision < 0) return etcdErrors.compacted().message
  const isEmpty = rangeEnd !== '' && rangeEnd !== TO_THE_END && key >= rangeEnd
  if (isEmpty) return 'mvcc: watcher range is empty'
  if (watchId !== 0 && isTaken(watchId)) return 'mvcc: duplicate watch ID provided on the WatchStream'
  return undefined
}

/** An empty key stands for the first possible one, as upstream has it. */
export function keyedRequest(request: WatchCreateRequest): WatchCreateRequest {
  return request.key === '' ? { ...request, key: '\0' } : request
}
