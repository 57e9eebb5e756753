/**
 * etcd's messages as a member holds them: with byte strings (kit/etcd-api/byte-string.ts) for bytes.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import type * as etcd from '#kit/etcd-api/messages.ts'

export type KeyValue = etcd.KeyValue<ByteString>
export type KeyEvent = etcd.KeyEvent<ByteString>
export type RangeRequest = etcd.RangeRequest<ByteString>
export type RangeResponse = etcd.RangeResponse<ByteString>
export type PutRequest = etcd.PutRequest<ByteString>
export type PutResponse = etcd.PutResponse<ByteString>
export type DeleteRangeRequest = etcd.DeleteRangeRequest<ByteString>
export type DeleteRangeResponse = etcd.DeleteRangeResponse<ByteString>
export type RequestOp = etcd.RequestOp<ByteString>
export type ResponseOp = etcd.ResponseOp<ByteString>
export type Compare = etcd.Compare<ByteString>
export type TxnRequest = etcd.TxnRequest<ByteString>
export type TxnResponse = etcd.TxnResponse<ByteString>
export type WatchCreateRequest = etcd.WatchCreateRequest<ByteString>
export type WatchResponse = etcd.WatchResponse<ByteString>

/** Everything that one revision changed, in the order of its operations. */
export interface Change {
  readonly revision: number
  readonly events: readonly KeyEvent[]
}
