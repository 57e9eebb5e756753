/**
 * What is in a snapshot: all that the state machine holds, in blocks small enough to be made, sent and read one at a time.
 *
 *     head (what it stands for, revisions, leases, members, alarms) | versions of keys … | end (how many versions there were)
 *
 * Source: etcd keeps its state in a bbolt file and sends that; ours is in memory, so a snapshot is the list of what is there.
 */
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { messageCodec, parseProto } from '#kit/etcd-api/codec.ts'
import type { AlarmMember, ClusterMember } from '#kit/etcd-api/messages.ts'
import { KV_PROTO, RPC_PROTO } from '#kit/etcd-api/proto.ts'
import type { SnapshotMetadata } from '#kit/raft/messages.ts'
import type { StoreContents, StoredVersion } from '../mvcc/store-contents.ts'
import type { KeyValue } from '../mvcc/types.ts'

const SNAPSHOT_PROTO = `
syntax = "proto3";
package membersnapshot;

message Block {
  oneof content {
    Head head = 1;
    Versions versions = 2;
    End end = 3;
  }
}

message Head {
  uint64 index = 1;
  uint64 term = 2;
  repeated string voters = 3;
  repeated string learners = 4;
  uint64 revision = 5;
  int64 compact_revision = 6;
  repeated Lease leases = 7;
  repeated etcdserverpb.Member members = 8;
  repeated string removed_members = 9;
  repeated etcdserverpb.AlarmMember alarms = 10;
}

message Lease {
  int64 id = 1 [jstype = JS_STRING];
  int64 ttl = 2;
}

message Versions {
  repeated Version versions = 1;
}

// Of a deletion there is only the key.
message Version {
  uint64 revision = 1;
  bytes key = 2;
  mvccpb.KeyValue kv = 3;
  uint32 sub = 4;
}

message End {
  uint64 versions = 1;
}
`

/** Everything but the keys. */
export interface MachineHead {
  readonly leases: readonly { readonly id: string; readonly ttl: number }[]
  readonly members: readonly ClusterMember[]
  readonly removedMembers: readonly string[]
  readonly alarms: readonly AlarmMember[]
}

export interface MachineContents extends MachineHead {
  readonly store: StoreContents
}

export interface SnapshotHead extends MachineHead, SnapshotMetadata {
  readonly revision: number
  readonly compactRevision: number
}

export interface Block {
  readonly head?: SnapshotHead
  readonly versions?: { readonly versions: readonly VersionWire[] }
  readonly end?: { readonly versions: number }
}

interface VersionWire {
  readonly revision: number
  readonly key: ByteString
  readonly kv?: KeyValue
  readonly sub?: number
}

const blocks = messageCodec<Block>(
  parseProto(KV_PROTO, RPC_PROTO, SNAPSHOT_PROTO),
  'membersnapshot.Block',
  'byte-string',
)

/** A block ends with the version that makes it longer than this, or that many. */
const BLOCK_BYTES = 64 * 1024
const BLOCK_VERSIONS = 256

/** The blocks of a snapshot, one at a time. */
export function* encodeBlocks(metadata: SnapshotMetadata, contents: MachineContents): Generator<Buffer> {
  const { store, ...head } = contents
  const { revision, compactRevision } = store
  yield blocks.encode({ head: { ...metadata, ...head, revision, compactRevision } })
  let count = 0
  for (const versions of inBlocks(store.versions)) {
    count += versions.length
    yield blocks.encode({ versions: { versions } })
  }
  yield blocks.encode({ end: { versions: count } })
}

export function decodeBlock(bytes: Uint8Array): Block {
  return blocks.decode(bytes)
}

export function metadataOf({ index, term, voters, learners }: SnapshotHead): SnapshotMetadata {
  return { index, term, voters, learners }
}

/** As the store has them: a deletion has no key-value. */
export function storedVersions({ versions }: { readonly versions: readonly VersionWire[] }): readonly StoredVersion[] {
  return versions.map(({ kv, ...rest }) => (kv ? { ...rest, key: kv.key, kv } : rest))
}

function* inBlocks(versions: Iterable<StoredVersion>): Generator<VersionWire[]> {
  let block: VersionWire[] = []
  let bytes = 0
  for (const version of versions) {
    const { key, kv } = version
    block.push(kv ? { ...version, key: '' } : version)
    bytes += key.length + (kv?.value.length ?? 0)
    if (bytes < BLOCK_BYTES && block.length < BLOCK_VERSIONS) continue
    yield block
    block = []
    bytes = 0
  }
  if (block.length > 0) yield block
}
