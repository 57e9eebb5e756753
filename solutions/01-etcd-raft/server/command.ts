/**
 * What the members agree on: one command per log entry, in protobuf, since it is also what stays on disk.
 *
 * Source: etcd `api/etcdserverpb/raft_internal.proto`.
 */
import { type ByteString, toBuffer, toByteString } from '#kit/etcd-api/byte-string.ts'
import { messageCodec, parseProto } from '#kit/etcd-api/codec.ts'
import type { AlarmRequest } from '#kit/etcd-api/messages.ts'
import { KV_PROTO, RPC_PROTO } from '#kit/etcd-api/proto.ts'
import type { DeleteRangeRequest, PutRequest, TxnRequest } from '../mvcc/types.ts'

const COMMAND_PROTO = `
syntax = "proto3";
package membercommand;

message MemberAttributes {
  uint64 ID = 1 [jstype = JS_STRING];
  string name = 2;
  repeated string clientURLs = 3;
}

message Command {
  string id = 1;
  oneof request {
    etcdserverpb.PutRequest put = 2;
    etcdserverpb.DeleteRangeRequest delete_range = 3;
    etcdserverpb.TxnRequest txn = 4;
    etcdserverpb.CompactionRequest compaction = 5;
    etcdserverpb.LeaseGrantRequest lease_grant = 6;
    etcdserverpb.LeaseRevokeRequest lease_revoke = 7;
    MemberAttributes publish = 8;
    etcdserverpb.AlarmRequest alarm = 9;
  }
}
`

export interface MemberAttributes {
  readonly ID: string
  readonly name: string
  readonly clientURLs: readonly string[]
}

/** One of the fields is set. */
export interface Request {
  readonly put?: PutRequest
  readonly deleteRange?: DeleteRangeRequest
  readonly txn?: TxnRequest
  readonly compaction?: { readonly revision: number }
  readonly leaseGrant?: { readonly ID: string; readonly TTL: number }
  readonly leaseRevoke?: { readonly ID: string }
  readonly publish?: MemberAttributes
  readonly alarm?: AlarmRequest
}

export interface Command extends Request {
  /** By which the member that proposed it recognises it when it comes back decided. */
  readonly id: string
}

const commands = messageCodec<Command>(
  parseProto(KV_PROTO, RPC_PROTO, COMMAND_PROTO),
  'membercommand.Command',
  'byte-string',
)

export function encodeCommand(command: Command): ByteString {
  return toByteString(commands.encode(command))
}

export function decodeCommand(data: ByteString): Command {
  return commands.decode(toBuffer(data))
}
