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

message MemberChange {
  enum Kind { Add = 0; Remove = 1; Promote = 2; Update = 3; }
  Kind kind = 1;
  uint64 ID = 2 [jstype = JS_STRING];
  repeated string peerURLs = 3;
  bool is_learner = 4;
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
    MemberChange member_change = 16;
  }
}
`

export interface MemberAttributes {
  readonly ID: string
  readonly name: string
  readonly clientURLs: readonly string[]
}

/** Travels as the data of a Raft entry that changes the members. */
export interface MemberChange {
  readonly kind: 'Add' | 'Remove' | 'Promote' | 'Update'
  readonly ID: string
  /** For Add and Update. */
  readonly peerURLs: readonly string[]
  /** For Add. */
  readonly isLearner: boolean
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
  readonly memberChange?: MemberChange
}

export interface Command extends Request {
  /** Makes it unlike any other, so that the member that proposed it recognises it when it comes back decided. */
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
