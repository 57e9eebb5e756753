/**
 * Ranges of keys as etcd writes them: `[key, rangeEnd)` in byte order.
 *
 * `rangeEnd` empty: just `key`. `rangeEnd` a zero byte: everything from `key` on. A prefix is the range from the prefix to the
 * prefix with its last byte raised by one.
 * Source: etcd `api/etcdserverpb/rpc.proto`, RangeRequest.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'

export interface ByteRange {
  readonly key: ByteString
  readonly rangeEnd: ByteString
}

/** As `rangeEnd`: no upper bound. */
export const TO_THE_END = '\0'

/**
 * Whether `key` lies in the range. Byte strings compare with `<` in byte order.
 *
 * @lab 1.6 Decide whether a key lies in a range
 */
export function isInRange(key: ByteString, range: ByteRange): boolean {
  if (range.rangeEnd === '') return key === range.key
  return key >= range.key && (range.rangeEnd === TO_THE_END || key < range.rangeEnd)
}
